"""Body plans of the three insects, each with its wings or elytra."""
