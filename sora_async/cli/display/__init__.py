"""What people and programs see of tasks: a live table, plain lines, or JSON lines."""
