"""What the fake service answers: responses, faults and video files."""
