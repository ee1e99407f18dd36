"""Small networks that the cameras of `hdrrecon.sensors` need; small enough to train on a laptop."""
