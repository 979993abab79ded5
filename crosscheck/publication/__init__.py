"""From a run to what is published: gates, assessment, state, preparation, editions, replay."""
