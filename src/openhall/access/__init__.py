"""Who may do what: roles, the commands and screens that belong to them, and the branch they are bound to."""
