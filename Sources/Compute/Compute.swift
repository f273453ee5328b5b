// Compute: see CONTRIBUTING.md for its place in the module table.
