//! How much time a query covers, as far as that can be told before the hunt runs.
//!
//! A written range is known. An inferred one, "the span of what was found", lies within what the
//! queries before it covered, widened by the configured offsets: so it is bounded exactly where
//! they are. A record is found when it overlaps a range, so a span can exceed it by the length of
//! a record.

use std::{collections::BTreeMap, fmt};

use kestrel_ir::{Node, NodeId, Op, Plan, op::Window};
use kestrel_stix::{TimeWindow, Timestamp};

/// The time that records of a query or a variable can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// No records at all.
    #[default]
    Nothing,
    /// From an instant until before another.
    Fixed {
        /// The first instant.
        start: Timestamp,
        /// The first instant that is out.
        stop: Timestamp,
    },
    /// Relative to the instant at which the hunt runs.
    Last {
        /// Seconds before it.
        before: u64,
        /// Seconds after it, from offsets.
        after: u64,
    },
    /// Any time.
    Unbounded,
}

impl Extent {
    /// Returns the extent of a window without inputs; unbounded if it depends on some.
    pub fn of_window(window: &Window) -> Extent {
        match window {
            Window::Fixed(TimeWindow { start: Some(start), stop: Some(stop) }) => {
                Extent::Fixed { start: *start, stop: *stop }
            }
            Window::Last { seconds } => Extent::Last { before: *seconds, after: 0 },
            Window::Always | Window::Fixed(_) | Window::SpanOf { .. } => Extent::Unbounded,
        }
    }

    /// Returns the smallest extent that holds both. One that is relative to the run and one that
    /// is not can be any time apart.
    #[must_use]
    pub fn union(self, other: Extent) -> Extent {
        match (self, other) {
            (Extent::Nothing, one) | (one, Extent::Nothing) => one,
            (Extent::Fixed { start: a, stop: b }, Extent::Fixed { start: c, stop: d }) => {
                Extent::Fixed { start: a.min(c), stop: b.max(d) }
            }
            (Extent::Last { before: a, after: b }, Extent::Last { before: c, after: d }) => {
                Extent::Last { before: a.max(c), after: b.max(d) }
            }
            _ => Extent::Unbounded,
        }
    }

    /// Returns it with both bounds moved, in seconds.
    #[must_use]
    pub fn widened(self, start_offset: i64, stop_offset: i64) -> Extent {
        match self {
            Extent::Fixed { start, stop } => Extent::Fixed {
                start: start.plus_seconds(start_offset),
                stop: stop.plus_seconds(stop_offset),
            },
            Extent::Last { before, after } => Extent::Last {
                before: before.saturating_add_signed(start_offset.saturating_neg()),
                after: after.saturating_add_signed(stop_offset),
            },
            other => other,
        }
    }

    /// Returns its length in seconds, rounded up; none if it is unbounded.
    pub fn seconds(self) -> Option<u64> {
        match self {
            Extent::Nothing => Some(0),
            Extent::Fixed { start, stop } => {
                let micros = stop.micros().saturating_sub(start.micros()).max(0);
                u64::try_from(micros).ok().map(|micros| micros.div_ceil(1_000_000))
            }
            Extent::Last { before, after } => Some(before.saturating_add(after)),
            Extent::Unbounded => None,
        }
    }

    /// Returns true if every instant of it lies in `other`, as far as that can be told.
    pub fn lies_in(self, other: Extent) -> bool {
        match (self, other) {
            (Extent::Nothing, _) | (_, Extent::Unbounded) => true,
            (Extent::Fixed { start: a, stop: b }, Extent::Fixed { start: c, stop: d }) => c <= a && b <= d,
            (Extent::Last { before: a, after: b }, Extent::Last { before: c, after: d }) => a <= c && b <= d,
            _ => false,
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Nothing => f.write_str("no time"),
            Extent::Fixed { start, stop } => {
                let length = self.seconds().unwrap_or_default();
                write!(f, "{} .. {} ({})", short(*start), short(*stop), duration(length))
            }
            Extent::Last { before, after: 0 } => write!(f, "the last {}", duration(*before)),
            Extent::Last { before, after } => {
                write!(f, "the last {} and {} more", duration(*before), duration(*after))
            }
            Extent::Unbounded => f.write_str("any time"),
        }
    }
}

/// An instant without decimals where there are none.
fn short(at: Timestamp) -> String {
    at.millis_text().replace(".000Z", "Z")
}

/// Returns a duration in its two largest units: `5 days`, `1 hour 30 minutes`.
pub fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (size, name) in UNITS {
        let count = left / size;
        left %= size;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

/// What each node of a plan asks for and gives.
#[derive(Debug, Clone, Default)]
pub struct Extents {
    given: BTreeMap<NodeId, Extent>,
    asked: BTreeMap<NodeId, Extent>,
}

impl Extents {
    /// Walks the plan once.
    pub fn of(plan: &Plan) -> Extents {
        let mut extents = Extents::default();
        for node in plan.nodes() {
            let inputs = plan.inputs(node.id);
            if let Some(window) = node.op.window() {
                extents.asked.insert(node.id, extents.window(window, &inputs));
            }
            let given = extents.gives(node, &inputs);
            extents.given.insert(node.id, given);
        }
        extents
    }

    /// Returns the time that a retrieval asks for, or a window lets through.
    pub fn asked(&self, id: NodeId) -> Extent {
        self.asked.get(&id).copied().unwrap_or(Extent::Unbounded)
    }

    fn given(&self, id: Option<&NodeId>) -> Extent {
        id.and_then(|id| self.given.get(id)).copied().unwrap_or(Extent::Unbounded)
    }

    fn window(&self, window: &Window, inputs: &[NodeId]) -> Extent {
        match window {
            Window::SpanOf { inputs: of, start_offset, stop_offset } => {
                let spans = of.iter().map(|n| self.given(inputs.get(*n as usize)));
                spans.fold(Extent::Nothing, Extent::union).widened(*start_offset, *stop_offset)
            }
            other => Extent::of_window(other),
        }
    }

    fn gives(&self, node: &Node, inputs: &[NodeId]) -> Extent {
        let first = || self.given(inputs.first());
        match &node.op {
            Op::Fetch(_) => self.asked(node.id),
            Op::Expand(_) => first().union(self.asked(node.id)),
            // What is seen together with an entity was found by any query so far.
            Op::Relate(_) => self.given(inputs.get(1)),
            Op::Pool | Op::Union => {
                inputs.iter().map(|id| self.given(Some(id))).fold(Extent::Nothing, Extent::union)
            }
            Op::Join { .. } => first().union(self.given(inputs.get(1))),
            // Without records there is no span, and so no restriction.
            Op::Literal(_) | Op::Load(_) | Op::Group(_) => Extent::Unbounded,
            Op::Apply(apply) => {
                let on = inputs.iter().take(apply.inputs as usize);
                on.map(|id| self.given(Some(id))).fold(Extent::Nothing, Extent::union)
            }
            _ => first(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(start: &str, stop: &str) -> Extent {
        let at = |text: &str| Timestamp::parse(&format!("{text}T00:00:00Z")).unwrap();
        Extent::Fixed { start: at(start), stop: at(stop) }
    }

    #[test]
    fn unions_and_lengths() {
        let april = fixed("2021-04-01", "2021-04-06");
        let may = fixed("2021-05-01", "2021-05-02");
        let last = Extent::Last { before: 3600, after: 0 };
        assert_eq!(april.union(may), fixed("2021-04-01", "2021-05-02"));
        assert_eq!(april.union(last), Extent::Unbounded);
        assert_eq!(last.widened(-300, 300), Extent::Last { before: 3900, after: 300 });
        assert_eq!(last.widened(300, 0).seconds(), Some(3300));
        assert_eq!((april.seconds(), Extent::Unbounded.seconds()), (Some(432_000), None));
        assert!(may.lies_in(Extent::Unbounded) && !Extent::Unbounded.lies_in(may) && !may.lies_in(april));
        assert_eq!(april.widened(i64::MAX, i64::MIN).seconds(), Some(0));
    }

    #[test]
    fn durations_in_words() {
        let texts = [0, 59, 60, 5400, 86_400, 432_000, 90_061].map(duration);
        assert_eq!(
            texts.join(", "),
            "0 seconds, 59 seconds, 1 minute, 1 hour 30 minutes, 1 day, 5 days, 1 day 1 hour"
        );
    }
}
