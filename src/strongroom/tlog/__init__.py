"""The transparency log's own mathematics. Stands alone."""
