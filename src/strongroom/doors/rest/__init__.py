"""The native REST door: Strongroom's own words over HTTP, as JSON."""
