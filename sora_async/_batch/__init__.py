"""Many prompts in, video files out; a run that is killed goes on where it stopped."""
