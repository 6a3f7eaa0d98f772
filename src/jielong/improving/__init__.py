"""Everything that fits a technique to a task: which techniques help this model here, by how much, at what price."""
