"""Closed spaces in other stacks: maps as files, and closers applied to stored vectors."""
