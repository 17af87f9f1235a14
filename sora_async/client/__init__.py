"""The client: public methods, argument checks, resources per event loop."""
