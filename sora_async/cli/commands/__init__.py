"""The subcommands, a module each: from parsed options to an exit code."""
