//! Small stores and sets for tests of operations.
