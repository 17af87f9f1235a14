"""The fake service itself: sockets, routes, tasks and the control API."""
