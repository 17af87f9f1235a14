"""The kinds of servers that the fake can be: their calls, and how each one spells a task."""
