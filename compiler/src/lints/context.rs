//! What lints look at: a hunt, its statements with their meaning, and every test in it.

use kestrel_connectors::address::Address;
use kestrel_ir::diagnostic::Span;
use kestrel_stix::{EntityType, Timestamp, schema};

use crate::{
    ast::{self, Command, Effect, Expression, Literal, OperatorKind, PatternExpr, StatementKind, Test},
    config::Config,
    hir::{Condition, Step, StepKind, VarId, Version},
    hunt::{Block, Hunt},
};

/// A hunt prepared for lints.
#[derive(Debug)]
pub struct Cx<'h> {
    /// The hunt.
    pub hunt: &'h Hunt,
    /// Settings of the language.
    pub config: &'h Config,
    /// The present, if it may matter.
    pub now: Option<Timestamp>,
    /// All statements of all blocks, in order.
    pub statements: Vec<Statement<'h>>,
    /// Every pattern.
    pub patterns: Vec<PatternSite<'h>>,
    /// Every test of every pattern, in order.
    pub tests: Vec<TestSite<'h>>,
    /// How many steps read each version.
    pub reads: Vec<u32>,
    /// Versions that may have attributes of any name: made from files, by analytics or by hand.
    pub open: Vec<bool>,
    /// Attributes that analytics say they have added to each version.
    declared: Vec<Vec<String>>,
    /// The statement that made each version.
    pub made_by: Vec<Option<usize>>,
    /// Everything could be resolved; without it nothing can be said about what is not used.
    pub complete: bool,
}

/// A statement with what it means.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'h> {
    /// As written.
    pub ast: &'h ast::Statement,
    /// Resolved; none when it is wrong.
    pub step: Option<&'h Step>,
}

/// What a pattern is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Records of a data source on this machine.
    Source,
    /// Records of a data source on the network.
    LiveSource,
    /// What `FIND` found.
    Find,
    /// The entities of a variable.
    Variable,
}

/// A pattern and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct PatternSite<'h> {
    /// The pattern.
    pub pattern: &'h ast::Pattern,
    /// Index of its statement.
    pub statement: usize,
    /// What it is applied to.
    pub place: Place,
    /// The type of the entities it selects, where known.
    pub centre: Option<&'h str>,
    /// The variable it is applied to.
    pub input: Option<VarId>,
}

/// A test and what it is about.
#[derive(Debug, Clone)]
pub struct TestSite<'h> {
    /// The test.
    pub test: &'h Test,
    /// Index of its pattern.
    pub pattern: usize,
    /// The types that its last attribute can belong to, references followed; empty if unknown.
    pub owners: Vec<&'h str>,
    /// The attribute after the last reference, canonical: `name`, `hashes.'SHA-256'`.
    pub attribute: String,
}

impl TestSite<'_> {
    /// Returns true if the test is about this attribute of this type.
    pub fn is_about(&self, entity_type: &str, attribute: &str) -> bool {
        self.attribute == attribute && self.owners.contains(&entity_type)
    }

    /// Returns the texts on the right side, with their places.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &Literal)> {
        let literals = self.test.value.iter().flat_map(ast::Value::each_literal);
        literals.filter_map(|literal| literal.as_text().map(|text| (text, literal)))
    }

    /// Returns true if the attribute holds text and nothing else: no numbers, no times, nothing that
    /// is encoded. Only there do `=`, `LIKE` and `MATCHES` look at the same.
    pub fn is_about_text(&self) -> bool {
        const TEXTS: [&str; 9] = [
            "name",
            "command_line",
            "cwd",
            "path",
            "value",
            "hostname",
            "key",
            "display_name",
            "account_login",
        ];
        let is_text = TEXTS.contains(&self.attribute.as_str()) || self.attribute.starts_with("hashes.");
        is_text && self.owners.iter().any(|owner| schema::is_known_type(owner))
    }

    /// Returns true for `=`, `!=`, `IN` and `NOT IN`.
    pub fn is_equality(&self) -> bool {
        matches!(self.test.operator.kind, OperatorKind::Equal | OperatorKind::In)
    }
}

impl<'h> Cx<'h> {
    /// Prepares a hunt.
    pub fn new(hunt: &'h Hunt, config: &'h Config, now: Option<Timestamp>) -> Self {
        let versions = hunt.scope.versions.len();
        let mut cx = Cx {
            hunt,
            config,
            now,
            statements: Vec::new(),
            patterns: Vec::new(),
            tests: Vec::new(),
            reads: vec![0; versions],
            open: vec![false; versions],
            declared: vec![Vec::new(); versions],
            made_by: vec![None; versions],
            complete: !hunt.has_errors(),
        };
        for block in &hunt.blocks {
            cx.block(block);
        }
        cx
    }

    fn block(&mut self, block: &'h Block) {
        let mut steps = block.steps.iter().peekable();
        for statement in &block.ast.statements {
            let step = steps.next_if(|step| step.span == statement.span);
            let index = self.statements.len();
            if let Some(step) = step {
                self.uses(step, index);
            }
            self.statements.push(Statement { ast: statement, step });
            if let Some(site) = self.pattern_site(statement, step, index) {
                self.pattern(site);
            }
        }
    }

    fn uses(&mut self, step: &Step, statement: usize) {
        let inputs = inputs(&step.kind);
        for input in &inputs {
            if let Some(count) = self.reads.get_mut(input.0 as usize) {
                *count += 1;
            }
        }
        let is_open = |cx: &Self, id: &VarId| cx.open.get(id.0 as usize).copied().unwrap_or(false);
        let results: Vec<VarId> = match &step.kind {
            StepKind::Apply { results, .. } => results.clone(),
            _ => step.result.into_iter().collect(),
        };
        let open = match &step.kind {
            StepKind::Load { .. } | StepKind::New { .. } => true,
            // Attributes of any name may come, unless the analytic says which.
            StepKind::Apply { .. } => self.added(&step.kind).is_empty(),
            StepKind::Get { .. } | StepKind::Find { .. } => false,
            StepKind::Derive(derive) => is_open(self, &derive.input),
            StepKind::Group { .. } => true,
            _ => inputs.iter().any(|input| is_open(self, input)),
        };
        let added = self.added(&step.kind).to_vec();
        for (n, result) in results.into_iter().enumerate() {
            let at = result.0 as usize;
            // Each result of an APPLY is its own input, changed; other steps keep what all have.
            let from = match &step.kind {
                StepKind::Apply { .. } => inputs.get(n..=n).unwrap_or_default(),
                StepKind::Derive(_) => inputs.get(..1).unwrap_or_default(),
                StepKind::Join { .. } | StepKind::Merge(_) => &inputs[..],
                _ => &[],
            };
            let open = open
                || matches!(step.kind, StepKind::Apply { .. }) && from.iter().any(|id| is_open(self, id));
            let mut declared = added.clone();
            declared.extend(from.iter().flat_map(|input| self.declared(*input)).cloned());
            declared.sort();
            declared.dedup();
            if let Some(slot) = self.declared.get_mut(at) {
                *slot = declared;
            }
            if let (Some(made_by), Some(is_open)) = (self.made_by.get_mut(at), self.open.get_mut(at)) {
                *made_by = Some(statement);
                *is_open = open;
            }
        }
    }

    fn pattern_site(
        &self,
        statement: &'h ast::Statement,
        step: Option<&'h Step>,
        index: usize,
    ) -> Option<PatternSite<'h>> {
        let of_variable = |pattern: &'h ast::Pattern, centre: Option<&'h str>| {
            let input = match step.map(|step| &step.kind) {
                Some(StepKind::Derive(derive) | StepKind::Disp(derive)) => Some(derive.input),
                _ => None,
            };
            let own = input.and_then(|id| self.version(id)).and_then(|version| version.entity_type.as_ref());
            let centre = centre.or(own.map(EntityType::as_str));
            PatternSite { pattern, statement: index, place: Place::Variable, centre, input }
        };
        match &statement.kind {
            StatementKind::Yield { command: Command::Get(get), .. } => {
                let centre = Some(get.entity_type.text.as_str());
                let place = match step.map(|step| &step.kind) {
                    Some(StepKind::Get { source, .. }) if is_live(source) => Place::LiveSource,
                    Some(StepKind::Derive(_)) => return Some(of_variable(&get.pattern, centre)),
                    _ => Place::Source,
                };
                Some(PatternSite { pattern: &get.pattern, statement: index, place, centre, input: None })
            }
            StatementKind::Yield { command: Command::Find(find), .. } => Some(PatternSite {
                pattern: find.pattern.as_ref()?,
                statement: index,
                place: Place::Find,
                centre: Some(&find.entity_type.text),
                input: None,
            }),
            _ => {
                let pattern = expression(statement)?.pattern.as_ref()?;
                Some(of_variable(pattern, None))
            }
        }
    }

    fn pattern(&mut self, site: PatternSite<'h>) {
        let pattern = self.patterns.len();
        self.patterns.push(site);
        let mut stack = vec![&site.pattern.expr];
        while let Some(expr) = stack.pop() {
            match expr {
                PatternExpr::And(parts) | PatternExpr::Or(parts) => stack.extend(parts.iter().rev()),
                PatternExpr::Paren(inner, _) => stack.push(inner),
                PatternExpr::Test(test) => {
                    let own = test.attribute.entity_type.as_ref().map(|name| name.text.as_str());
                    let (owners, attribute) = follow(own.or(site.centre), &test.attribute.steps);
                    self.tests.push(TestSite { test, pattern, owners, attribute });
                }
            }
        }
    }

    /// Returns a version of a variable.
    pub fn version(&self, id: VarId) -> Option<&'h Version> {
        self.hunt.scope.versions.get(id.0 as usize)
    }

    /// Returns the text under a span.
    pub fn text(&self, span: Span) -> &'h str {
        self.hunt.text_at(span)
    }

    /// Returns where the pattern of a test stands.
    pub fn site(&self, test: &TestSite<'_>) -> PatternSite<'h> {
        self.patterns[test.pattern]
    }

    /// Returns the attributes that analytics say they have added to a version.
    pub fn declared(&self, id: VarId) -> &[String] {
        self.declared.get(id.0 as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the attributes that the analytic of a step says it adds.
    fn added(&self, kind: &StepKind) -> &'h [String] {
        let StepKind::Apply { analytic, .. } = kind else { return &[] };
        self.config.analytics.get(analytic).map(|known| known.attributes.as_slice()).unwrap_or_default()
    }

    /// Returns true if a version may have attributes that nobody can know.
    pub fn is_open(&self, id: VarId) -> bool {
        self.open.get(id.0 as usize).copied().unwrap_or(true)
    }
}

/// Follows references: returns the types that the last attribute can belong to, and that
/// attribute.
pub fn follow<'h>(start: Option<&'h str>, steps: &'h [ast::Step]) -> (Vec<&'h str>, String) {
    let last = steps.iter().take(steps.len().saturating_sub(1)).rposition(is_reference);
    let from = last.map_or(0, |at| at + 1);
    let mut attribute = String::new();
    for (index, step) in steps.get(from..).unwrap_or_default().iter().enumerate() {
        if index > 0 {
            attribute.push('.');
        }
        if step.name.contains('-') {
            attribute.push('\'');
            attribute.push_str(&step.name);
            attribute.push('\'');
        } else {
            attribute.push_str(&step.name);
        }
    }
    (owners(start, steps), attribute)
}

/// Returns the types that the last attribute of a path can belong to.
pub fn owners<'h>(start: Option<&'h str>, steps: &'h [ast::Step]) -> Vec<&'h str> {
    let mut owners: Vec<&'h str> = start.into_iter().collect();
    for step in steps.iter().take(steps.len().saturating_sub(1)).filter(|step| is_reference(step)) {
        let mut reached: Vec<&'h str> = Vec::new();
        for owner in &owners {
            for target in schema::reference_targets(owner, &step.name) {
                if !reached.contains(target) {
                    reached.push(target);
                }
            }
        }
        owners = reached;
    }
    owners
}

fn is_reference(step: &ast::Step) -> bool {
    step.name.ends_with("_ref") || step.name.ends_with("_refs")
}

/// Returns the expression of a `DISP` or an assignment.
pub fn expression(statement: &ast::Statement) -> Option<&Expression> {
    match &statement.kind {
        StatementKind::Yield { command: Command::Assign(expression), .. }
        | StatementKind::Effect(Effect::Disp(expression)) => Some(expression),
        _ => None,
    }
}

/// Returns true if asking this source reaches out to the network.
pub fn is_live(source: &str) -> bool {
    Address::parse(source).is_ok_and(|address| address.is_remote())
}

/// Returns the versions that a step reads, in written order, each once.
pub fn inputs(kind: &StepKind) -> Vec<VarId> {
    let mut inputs: Vec<VarId> = Vec::new();
    let condition = |condition: &Option<Condition>| match condition {
        Some(condition) => condition.references.clone(),
        None => Vec::new(),
    };
    match kind {
        StepKind::Get { condition, .. } => inputs.extend(&condition.references),
        StepKind::Find { input, condition: of, .. } => {
            inputs.push(*input);
            inputs.extend(condition(of));
        }
        StepKind::Derive(derive) | StepKind::Disp(derive) => {
            inputs.push(derive.input);
            inputs.extend(condition(&derive.condition));
        }
        StepKind::New { .. } | StepKind::Load { .. } => {}
        StepKind::Group { input, .. } => inputs.push(*input),
        StepKind::Join { left, right, .. } => inputs.extend([*left, *right]),
        StepKind::Merge(merged) => inputs.extend(merged),
        StepKind::Apply { inputs: applied, references, .. } => {
            inputs.extend(applied);
            inputs.extend(references);
        }
        StepKind::Info(id) | StepKind::Describe(id, _) | StepKind::Explain(id) => inputs.push(*id),
        StepKind::Save { input, .. } => inputs.push(*input),
    }
    inputs
}
