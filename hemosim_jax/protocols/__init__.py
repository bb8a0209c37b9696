"""Clinical guidelines as pure policies: they see what the agent sees."""
