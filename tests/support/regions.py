"""An account of three Regions, and everything that is on record."""

import json

EU, US, AP = "eu-west-1", "us-east-1", "ap-south-1"


def founded(desk, first_admin):
    """Three namespaces of one account; their administrators' tokens, by Region."""
    made = desk.ask(first_admin, "namespace.create", name="eu", region=EU)
    tokens = {EU: made.token}
    for name, region, of in (("us", US, "eu"), ("ap", AP, "us")):
        ask = {"name": name, "region": region, "account_of": of}
        tokens[region] = desk.ask(first_admin, "namespace.create", **ask).token
    return tokens


def entries(house):
    """All there are, of every namespace, oldest first."""
    return [json.loads(event.body) for event in house.store.entries(0, 1_000)]
