"""What a person can ask for, one method each. Runs in the custodian."""
