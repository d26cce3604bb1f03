"""Rights as AWS writes them: key policies and grants, and the Cedar that they mean."""
