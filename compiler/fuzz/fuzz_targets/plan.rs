//! `cargo +nightly fuzz run --features libfuzzer plan`: see [`kestrel_fuzz::plan`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kestrel_fuzz::plan(data));
