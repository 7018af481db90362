"""The review room: what a day came to, and what needs attention while it goes on."""
