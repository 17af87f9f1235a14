"""The servers that the fake can stand for, and the shapes of their responses."""
