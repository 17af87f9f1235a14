"""What the fake responds: states of tasks, errors, faults of the network and video files."""
