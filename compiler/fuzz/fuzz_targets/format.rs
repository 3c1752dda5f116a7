//! `cargo +nightly fuzz run --features libfuzzer format`: see [`kestrel_fuzz::format`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kestrel_fuzz::format(data));
