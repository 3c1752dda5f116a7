//! Places the boxes of a graph in layers, so that data flows down and lines are short and mostly
//! straight (the method of Sugiyama, Tagawa and Toda).
//!
//! 1. Every node gets a layer below its inputs; what only gives data moves down to its first user.
//! 2. A line that crosses layers gets a bend in each of them.
//! 3. Layers are ordered by the mean place of their neighbours, up and down, and the order with
//!    the fewest crossings is kept.
//! 4. Within its layer each box moves as near to its neighbours as the order allows: the weighted
//!    least squares solution, found by pooling boxes that would overlap.
//!
//! Time is bounded: above [`MAX_NODES`] nothing is drawn, and lines bend only while there are not
//! too many bends.

/// Graphs with more nodes are not drawn: nobody could read them.
pub const MAX_NODES: usize = 1_500;

/// Bends in all lines together; beyond, lines are drawn straight.
const MAX_BENDS: usize = 60_000;
/// Times that the layers are ordered, down and up.
const ORDER_ROUNDS: usize = 12;
/// Times that boxes are moved, down and up.
const MOVE_ROUNDS: usize = 25;
/// Pairs of lines that are compared to swap two neighbours; with more, a swap changes little.
const MOST_PAIRS: usize = 10_000;
/// Room between boxes of a layer, and between lines.
const BOX_GAP: f64 = 28.0;
const LINE_GAP: f64 = 12.0;
/// Room between layers.
const LAYER_GAP: f64 = 34.0;
/// Room around everything.
const MARGIN: f64 = 16.0;

/// Size of a box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A graph with places.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Middle of the top edge of each box.
    pub boxes: Vec<Point>,
    /// For each line, in the given order, its points from the bottom of one box to the top of another.
    pub lines: Vec<Vec<Point>>,
    /// Size of everything.
    pub size: Size,
}

/// A box or a bend.
#[derive(Debug, Clone, Copy)]
struct Item {
    layer: usize,
    width: f64,
    bend: bool,
    x: f64,
}

/// Places boxes; `edges` go from smaller to larger indices. None if there are too many boxes.
pub fn layout(boxes: &[Size], edges: &[(usize, usize)]) -> Option<Layout> {
    if boxes.len() > MAX_NODES {
        return None;
    }
    let layers = layers_of(boxes.len(), edges);
    let mut graph = Graph::new(boxes, edges, &layers);
    graph.order();
    graph.move_boxes();
    Some(graph.finish(boxes, edges))
}

/// Longest path from above; then nodes without inputs move down to their users.
fn layers_of(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut by_target: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut by_source: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        by_target[*to].push(*from);
        by_source[*from].push(*to);
    }
    let mut layers = vec![0_usize; count];
    for node in 0..count {
        layers[node] = by_target[node].iter().map(|from| layers[*from] + 1).max().unwrap_or(0);
    }
    for node in (0..count).rev() {
        // With more users than inputs, moving down shortens more lines than it lengthens.
        if by_target[node].len() < by_source[node].len()
            && let Some(first) = by_source[node].iter().map(|to| layers[*to]).min()
        {
            layers[node] = layers[node].max(first.saturating_sub(1));
        }
    }
    // Empty layers can be left behind.
    let mut used: Vec<usize> = layers.clone();
    used.sort_unstable();
    used.dedup();
    layers.iter().map(|layer| used.partition_point(|known| known < layer)).collect()
}

struct Graph {
    items: Vec<Item>,
    /// Items of each layer, from left to right.
    layers: Vec<Vec<usize>>,
    /// Neighbours in the layer above and below, with the weight of the line.
    up: Vec<Vec<(usize, f64)>>,
    down: Vec<Vec<(usize, f64)>>,
    /// The bends of each edge, from above.
    bends: Vec<Vec<usize>>,
}

impl Graph {
    fn new(boxes: &[Size], edges: &[(usize, usize)], layers: &[usize]) -> Graph {
        let items = boxes.iter().zip(layers);
        let mut graph = Graph {
            items: items
                .map(|(size, layer)| Item { layer: *layer, width: size.width, bend: false, x: 0.0 })
                .collect(),
            layers: vec![Vec::new(); layers.iter().max().map_or(0, |last| last + 1)],
            up: Vec::new(),
            down: Vec::new(),
            bends: Vec::new(),
        };
        let long: usize = edges.iter().map(|(from, to)| layers[*to].saturating_sub(layers[*from] + 1)).sum();
        let bend = long <= MAX_BENDS;
        for (from, to) in edges {
            let mut bends = Vec::new();
            if bend {
                for layer in layers[*from] + 1..layers[*to] {
                    bends.push(graph.items.len());
                    graph.items.push(Item { layer, width: 0.0, bend: true, x: 0.0 });
                }
            }
            graph.bends.push(bends);
        }
        graph.up = vec![Vec::new(); graph.items.len()];
        graph.down = vec![Vec::new(); graph.items.len()];
        for ((from, to), bends) in edges.iter().zip(&graph.bends) {
            let mut path = vec![*from];
            path.extend(bends);
            path.push(*to);
            for pair in path.windows(2) {
                let (above, below) = (pair[0], pair[1]);
                // Long lines straight, boxes where it suits them.
                let weight = match (graph.items[above].bend, graph.items[below].bend) {
                    (true, true) => 8.0,
                    (false, false) => 1.0,
                    _ => 2.0,
                };
                graph.down[above].push((below, weight));
                graph.up[below].push((above, weight));
            }
        }
        // The order of the huntflow to begin with: a bend stands where its line begins.
        let mut first: Vec<usize> = (0..graph.items.len()).collect();
        let mut start: Vec<usize> = (0..graph.items.len()).collect();
        for ((from, _), bends) in edges.iter().zip(&graph.bends) {
            for bend in bends {
                start[*bend] = *from;
            }
        }
        first.sort_by_key(|item| (start[*item], *item));
        for item in first {
            graph.layers[graph.items[item].layer].push(item);
        }
        graph
    }

    fn places(&self) -> Vec<usize> {
        let mut places = vec![0; self.items.len()];
        for layer in &self.layers {
            for (place, item) in layer.iter().enumerate() {
                places[*item] = place;
            }
        }
        places
    }

    fn order(&mut self) {
        let mut best = self.layers.clone();
        let mut fewest = self.crossings();
        for round in 0..ORDER_ROUNDS {
            if fewest == 0 {
                break;
            }
            let down = round % 2 == 0;
            let mut places = self.places();
            let count = self.layers.len();
            for step in 0..count {
                let at = if down { step } else { count - 1 - step };
                let near = if down { &self.up } else { &self.down };
                let mut keyed: Vec<(f64, usize)> = self.layers[at]
                    .iter()
                    .map(|item| {
                        let near = &near[*item];
                        let sum: usize = near.iter().map(|(other, _)| places[*other]).sum();
                        let mean = sum as f64 / near.len().max(1) as f64;
                        (if near.is_empty() { places[*item] as f64 } else { mean }, *item)
                    })
                    .collect();
                keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
                for (place, (_, item)) in keyed.iter().enumerate() {
                    places[*item] = place;
                }
                self.layers[at] = keyed.into_iter().map(|(_, item)| item).collect();
            }
            self.swap_neighbours();
            let crossings = self.crossings();
            if crossings < fewest {
                fewest = crossings;
                best.clone_from(&self.layers);
            }
        }
        self.layers = best;
    }

    /// Swaps neighbours of a layer where that removes crossings.
    fn swap_neighbours(&mut self) {
        let mut places = self.places();
        for at in 0..self.layers.len() {
            if self.layers[at].len() > 200 {
                continue;
            }
            for left in 0..self.layers[at].len().saturating_sub(1) {
                let (a, b) = (self.layers[at][left], self.layers[at][left + 1]);
                let crossings = |a: usize, b: usize| {
                    let pairs = |near: &[Vec<(usize, f64)>]| -> usize {
                        let lines = near[a].iter();
                        lines
                            .map(|(x, _)| near[b].iter().filter(|(y, _)| places[*y] < places[*x]).count())
                            .sum()
                    };
                    pairs(&self.up) + pairs(&self.down)
                };
                let lines = |item: usize| self.up[item].len() + self.down[item].len();
                if lines(a) * lines(b) <= MOST_PAIRS && crossings(b, a) < crossings(a, b) {
                    self.layers[at].swap(left, left + 1);
                    places[a] = left + 1;
                    places[b] = left;
                }
            }
        }
    }

    /// Counts crossings with a tree of sums: n log n.
    fn crossings(&self) -> usize {
        let places = self.places();
        let mut total = 0;
        for layer in &self.layers {
            let width = layer
                .iter()
                .flat_map(|item| &self.down[*item])
                .map(|(to, _)| places[*to] + 1)
                .max()
                .unwrap_or(0);
            let mut sums = vec![0usize; width + 1];
            let mut seen = 0;
            for item in layer {
                let mut ends: Vec<usize> = self.down[*item].iter().map(|(to, _)| places[*to]).collect();
                ends.sort_unstable();
                for end in &ends {
                    // Lines so far that end further right.
                    let (mut at, mut before) = (end + 1, 0);
                    while at > 0 {
                        before += sums[at];
                        at &= at - 1;
                    }
                    total += seen - before;
                }
                for end in ends {
                    seen += 1;
                    let mut at = end + 1;
                    while at <= width {
                        sums[at] += 1;
                        at += at & at.wrapping_neg();
                    }
                }
            }
        }
        total
    }

    fn gap(&self, left: usize, right: usize) -> f64 {
        let (left, right) = (&self.items[left], &self.items[right]);
        let room = if left.bend || right.bend { LINE_GAP } else { BOX_GAP };
        (left.width + right.width) / 2.0 + room
    }

    fn move_boxes(&mut self) {
        for at in 0..self.layers.len() {
            let mut x = 0.0;
            for n in 0..self.layers[at].len() {
                if n > 0 {
                    x += self.gap(self.layers[at][n - 1], self.layers[at][n]);
                }
                let item = self.layers[at][n];
                self.items[item].x = x;
            }
        }
        let count = self.layers.len();
        for round in 0..MOVE_ROUNDS {
            // The last ones even out; the very last one goes down, so that chains hang straight.
            let both = (MOVE_ROUNDS - 5..MOVE_ROUNDS - 1).contains(&round);
            for step in 0..count {
                let at = if round % 2 == 0 { step } else { count - 1 - step };
                self.move_layer(at, round % 2 == 0 || both, round % 2 == 1 || both);
            }
        }
    }

    /// Moves the items of a layer towards their neighbours above, below or both.
    fn move_layer(&mut self, at: usize, up: bool, down: bool) {
        /// Items side by side that want to be nearer than they may.
        struct Block {
            first: usize,
            weight: f64,
            /// Weighted sum of wanted places, each less its distance from the first of the block.
            sum: f64,
        }
        let layer = &self.layers[at];
        let mut offsets = vec![0.0; layer.len()];
        for n in 1..layer.len() {
            offsets[n] = offsets[n - 1] + self.gap(layer[n - 1], layer[n]);
        }
        let mut blocks: Vec<Block> = Vec::with_capacity(layer.len());
        for (n, item) in layer.iter().enumerate() {
            let near = || {
                let above = self.up[*item].iter().filter(|_| up);
                above.chain(self.down[*item].iter().filter(|_| down))
            };
            let weight: f64 = near().map(|(_, weight)| weight).sum();
            let (wanted, weight) = match weight > 0.0 {
                true => (near().map(|(other, w)| w * self.items[*other].x).sum::<f64>() / weight, weight),
                // Without neighbours on this side it stays, if the others let it.
                false => (self.items[*item].x, 0.05),
            };
            blocks.push(Block { first: n, weight, sum: weight * (wanted - offsets[n]) });
            while let [.., before, block] = blocks.as_slice() {
                if before.sum / before.weight <= block.sum / block.weight {
                    break;
                }
                let (weight, sum) = (block.weight, block.sum);
                blocks.pop();
                if let Some(before) = blocks.last_mut() {
                    before.weight += weight;
                    before.sum += sum;
                }
            }
        }
        let mut ends: Vec<usize> = blocks.iter().skip(1).map(|block| block.first).collect();
        ends.push(layer.len());
        let mut moved = Vec::with_capacity(layer.len());
        for (block, end) in blocks.iter().zip(ends) {
            let x = block.sum / block.weight;
            moved.extend((block.first..end).map(|n| (layer[n], x + offsets[n])));
        }
        for (item, x) in moved {
            self.items[item].x = x;
        }
    }

    fn finish(self, boxes: &[Size], edges: &[(usize, usize)]) -> Layout {
        let left = self.items.iter().map(|item| item.x - item.width / 2.0).fold(f64::INFINITY, f64::min);
        let right = self.items.iter().map(|item| item.x + item.width / 2.0).fold(f64::NEG_INFINITY, f64::max);
        let shift = if left.is_finite() { MARGIN - left } else { MARGIN };
        let mut heights = vec![0.0_f64; self.layers.len()];
        for (n, size) in boxes.iter().enumerate() {
            let layer = self.items[n].layer;
            heights[layer] = heights[layer].max(size.height);
        }
        let mut tops = Vec::with_capacity(heights.len());
        let mut y = MARGIN;
        for height in &heights {
            tops.push(y);
            y += height + LAYER_GAP;
        }
        let place = |n: usize| Point { x: self.items[n].x + shift, y: tops[self.items[n].layer] };
        let lines = edges.iter().zip(&self.bends).map(|((from, to), bends)| {
            let start = place(*from);
            let mut points = vec![Point { x: start.x, y: start.y + boxes[*from].height }];
            for bend in bends {
                let at = place(*bend);
                points.push(at);
                points.push(Point { x: at.x, y: at.y + heights[self.items[*bend].layer] });
            }
            points.push(place(*to));
            points
        });
        let lines = lines.collect();
        let width = if right.is_finite() { right + shift + MARGIN } else { 2.0 * MARGIN };
        Layout {
            boxes: (0..boxes.len()).map(place).collect(),
            lines,
            size: Size { width, height: (y - LAYER_GAP + MARGIN).max(2.0 * MARGIN) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Size = Size { width: 100.0, height: 40.0 };

    fn check(boxes: &[Size], edges: &[(usize, usize)]) -> Layout {
        let layout = layout(boxes, edges).unwrap();
        for (n, place) in layout.boxes.iter().enumerate() {
            let half = boxes[n].width / 2.0;
            assert!(place.x - half >= MARGIN - 0.01 && place.x + half <= layout.size.width - MARGIN + 0.01);
            assert!(place.y + boxes[n].height <= layout.size.height);
            for (m, other) in layout.boxes.iter().enumerate().skip(n + 1) {
                let apart = (place.x - other.x).abs() >= half + boxes[m].width / 2.0 + BOX_GAP - 0.01;
                assert!(place.y != other.y || apart, "{n} and {m} overlap: {place:?} {other:?}");
            }
        }
        for ((from, to), line) in edges.iter().zip(&layout.lines) {
            assert!(layout.boxes[*from].y < layout.boxes[*to].y, "{from} -> {to} goes up");
            assert!(line.windows(2).all(|pair| pair[0].y <= pair[1].y), "{line:?}");
        }
        layout
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let layout = check(&[BOX; 4], &[(0, 1), (1, 2), (2, 3)]);
        assert!(layout.boxes.iter().all(|place| place.x == layout.boxes[0].x));
    }

    #[test]
    fn long_lines_pass_beside_boxes() {
        let layout = check(&[BOX; 5], &[(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]);
        for point in &layout.lines[4][1..layout.lines[4].len() - 1] {
            for place in &layout.boxes[1..4] {
                let beside = (point.x - place.x).abs() > BOX.width / 2.0;
                assert!(beside || point.y < place.y || point.y > place.y + BOX.height);
            }
        }
    }

    #[test]
    fn crossings_that_can_be_avoided_are() {
        // 0 and 1 above, 2 below 1 and 3 below 0: drawn in this order the lines would cross.
        let layout = check(&[BOX; 5], &[(0, 1), (0, 2), (1, 4), (2, 3)]);
        let across = (layout.boxes[1].x < layout.boxes[2].x) == (layout.boxes[4].x < layout.boxes[3].x);
        assert!(across, "{:?}", layout.boxes);
    }

    #[test]
    fn nothing_and_much() {
        assert_eq!(layout(&[], &[]).unwrap().boxes, []);
        let many = vec![BOX; MAX_NODES];
        // Every node uses the first and the one before: many long lines.
        let edges: Vec<_> = (1..MAX_NODES).flat_map(|n| [(n - 1, n), (0, n)]).collect();
        assert_eq!(layout(&many, &edges).unwrap().boxes.len(), MAX_NODES);
        assert!(layout(&vec![BOX; MAX_NODES + 1], &[]).is_none());
        // All in one layer, all connected to all of the next.
        let wide: Vec<_> = (0..700).flat_map(|a| (700..740).map(move |b| (a, b))).collect();
        check(&many[..740], &wide);
    }

    #[test]
    fn sources_stand_above_their_first_user() {
        let layout = check(&[BOX; 5], &[(0, 1), (1, 2), (2, 4), (3, 4)]);
        assert_eq!(layout.boxes[3].y, layout.boxes[2].y);
    }
}
