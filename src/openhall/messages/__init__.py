"""Messages on their way out: signed webhooks to the bank's gateways, and mail."""
