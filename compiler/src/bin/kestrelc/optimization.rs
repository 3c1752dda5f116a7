//! The options that choose how much a plan is optimized.

use kestrel_ir::passes::{self, Level, Pass};

use crate::commands::Failure;

/// Either a level or the passes themselves.
#[derive(Debug, clap::Args)]
pub(crate) struct Optimization {
    /// How much to optimize: 0 nothing, 1 only remove, 2 everything.
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=2))]
    level: u8,
    /// Run exactly these passes instead of a level's, in their fixed order; see docs/optimizer.md.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', num_args = 0..=1, default_missing_value = "", conflicts_with = "level")]
    passes: Option<Vec<String>>,
}

impl Optimization {
    /// Returns the passes to run, in order.
    pub(crate) fn chosen(&self) -> Result<Vec<&'static dyn Pass>, Failure> {
        match &self.passes {
            Some(names) => {
                let names: Vec<&str> =
                    names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
                passes::named(&names).map_err(|unknown| Failure::Other(unknown.to_string()))
            }
            None => Ok(passes::of_level(match self.level {
                0 => Level::O0,
                1 => Level::O1,
                _ => Level::O2,
            })),
        }
    }
}
