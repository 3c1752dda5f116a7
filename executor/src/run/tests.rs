//! Plans built by hand, run over small stores.
