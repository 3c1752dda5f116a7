//! Syntax tree to resolved hunt: bind names to versions, fill in defaults, infer types, rows and
//! columns, check relations and attributes. Wrong steps are reported and left out; a variable
//! that a wrong step would have made is still defined as far as it is known, so that one
//! mistake gives one diagnostic.

mod attributes;
mod data;
mod patterns;
mod scope;
pub mod sources;

pub use scope::Scope;

use kestrel_ir::{
    diagnostic::{Code, Diagnostic, Span},
    op::{Argument, Bin, Function, TransformKind},
    plan::Rows,
};
use kestrel_stix::{AttributePath, EntityType, TimeWindow, Timestamp, identity, relation, suggest::nearest};

use crate::{
    ast::{self, Command, Effect, Huntflow, Name, RangeKind, StatementKind},
    config::Config,
    hir::{Condition, Derive, Range, Step, StepKind, VarId, Version},
    resolve::patterns::Site,
};

/// Resolves the statements of a block, adding to `scope` what they define.
pub fn resolve(
    huntflow: &Huntflow,
    scope: &mut Scope,
    config: &Config,
    found: &mut Vec<Diagnostic>,
) -> Vec<Step> {
    let mut cx = Resolver { scope, config, found, after_broken: false };
    let mut broken = huntflow.broken.iter().peekable();
    let mut steps = Vec::with_capacity(huntflow.statements.len());
    for statement in &huntflow.statements {
        while let Some(broken) = broken.next_if(|broken| broken.span.start < statement.span.start) {
            cx.broken(broken);
        }
        steps.extend(cx.statement(statement));
    }
    broken.for_each(|broken| cx.broken(broken));
    steps
}

/// After so many messages no nearest names are looked for: the time stays linear.
const MAX_SUGGESTIONS: usize = 200;

struct Resolver<'c> {
    scope: &'c mut Scope,
    config: &'c Config,
    found: &'c mut Vec<Diagnostic>,
    /// A statement above could not be read: what it would have set is not known.
    after_broken: bool,
}

/// What a step makes, before it has a name.
struct Made {
    kind: StepKind,
    entity_type: Option<EntityType>,
    rows: Rows,
    columns: Option<Vec<String>>,
    exact: bool,
    data_source: Option<String>,
    inputs: Vec<VarId>,
    command: &'static str,
}

impl Resolver<'_> {
    fn statement(&mut self, statement: &ast::Statement) -> Option<Step> {
        match &statement.kind {
            StatementKind::Yield { target, command } => {
                // Errors must not let later uses of the name look unknown too.
                let Some(made) = self.command(command) else {
                    self.define_broken(target.as_ref(), command, statement.span);
                    return None;
                };
                let kind = made.kind.clone();
                let result = self.define(target.as_ref(), made, statement.span);
                Some(Step { kind, result: Some(result), span: statement.span })
            }
            StatementKind::Effect(effect) => {
                let kind = self.effect(effect, statement.span)?;
                Some(Step { kind, result: None, span: statement.span })
            }
        }
    }

    fn define(&mut self, target: Option<&Name>, made: Made, span: Span) -> VarId {
        let default = &self.config.default_variable;
        let name = target.map_or(default, |name| &name.text);
        let mut dependencies = Vec::new();
        for input in &made.inputs {
            let name = self.scope.version(*input).name.clone();
            if !dependencies.contains(&name) {
                dependencies.push(name);
            }
        }
        let id = self.scope.define(Version {
            name: name.clone(),
            version: 0,
            entity_type: made.entity_type,
            rows: made.rows,
            columns: made.columns,
            exact: made.exact,
            data_source: made.data_source,
            dependencies,
            command: made.command,
            span: target.map_or(span, |name| name.span),
        });
        if name != default {
            self.scope.alias(default, id);
        }
        if let Some(target) = target {
            self.name_warning(target);
        }
        id
    }

    /// W10: a variable named like a keyword, a type or a transformer.
    fn name_warning(&mut self, target: &Name) {
        const WORDS: [&str; 44] = [
            "get",
            "find",
            "new",
            "load",
            "sort",
            "group",
            "join",
            "apply",
            "disp",
            "info",
            "describe",
            "save",
            "explain",
            "from",
            "where",
            "attr",
            "by",
            "asc",
            "desc",
            "limit",
            "offset",
            "with",
            "as",
            "on",
            "to",
            "start",
            "stop",
            "last",
            "and",
            "or",
            "not",
            "in",
            "like",
            "matches",
            "issubset",
            "issuperset",
            "is",
            "null",
            "timestamped",
            "addobsid",
            "records",
            "bin",
            "true",
            "false",
        ];
        if WORDS.iter().any(|word| target.text.eq_ignore_ascii_case(word)) {
            let message = format!("variable `{}` has the name of a keyword", target.text);
            self.found
                .push(Diagnostic::new(Code::W0010, message).at(target.span).help("choose another name"));
        }
    }

    /// Defines the variable that a statement would have made if it could be read.
    fn broken(&mut self, broken: &ast::Broken) {
        self.after_broken = true;
        let Some(target) = &broken.target else { return };
        let made = Made {
            kind: StepKind::Merge(Vec::new()),
            entity_type: None,
            rows: Rows::Entities,
            columns: None,
            exact: false,
            data_source: self.scope.last_source.clone(),
            inputs: Vec::new(),
            command: "get",
        };
        self.define(Some(target), made, broken.span);
    }

    /// Defines the variable of a wrong step with what can be told from the text.
    fn define_broken(&mut self, target: Option<&Name>, command: &Command, span: Span) {
        let named = |name: &Name| Some(EntityType::new(&name.text));
        let of = |name: &Name| {
            self.scope.current(&name.text).and_then(|id| self.scope.version(id).entity_type.clone())
        };
        let entity_type = match command {
            Command::Get(get) => named(&get.entity_type),
            Command::Find(find) => named(&find.entity_type),
            Command::New(new) => new.entity_type.as_ref().and_then(named),
            Command::Load(load) => load.entity_type.as_ref().and_then(named),
            Command::Sort(sort) => of(&sort.variable),
            Command::Group(group) => of(&group.variable),
            Command::Join(join) => of(&join.left),
            Command::Merge(names) => names.first().and_then(of),
            Command::Assign(expression) => of(&expression.variable),
        };
        let made = Made {
            kind: StepKind::Merge(Vec::new()),
            entity_type,
            rows: Rows::Entities,
            columns: None,
            exact: false,
            data_source: self.scope.last_source.clone(),
            inputs: Vec::new(),
            command: "get",
        };
        self.define(target, made, span);
    }

    fn lookup(&mut self, name: &Name) -> Option<VarId> {
        match self.scope.lookup(name, self.found.len() < MAX_SUGGESTIONS) {
            Ok(id) => Some(id),
            Err(unknown) => {
                self.found.push(unknown);
                None
            }
        }
    }

    fn error(&mut self, code: Code, span: Span, message: String, help: impl Into<String>) {
        self.found.push(Diagnostic::new(code, message).at(span).help(help));
    }

    fn command(&mut self, command: &Command) -> Option<Made> {
        match command {
            Command::Get(get) => self.get(get),
            Command::Find(find) => self.find(find),
            Command::New(new) => {
                let data = data::resolve(new, self.found)?;
                let columns = data.columns.iter().map(ToString::to_string).collect();
                let entity_type = data.entity_type.clone();
                let kind =
                    StepKind::New { entity_type: data.entity_type, columns: data.columns, rows: data.rows };
                Some(Made {
                    kind,
                    entity_type: Some(entity_type),
                    rows: Rows::Entities,
                    columns: Some(columns),
                    exact: false,
                    data_source: None,
                    inputs: Vec::new(),
                    command: "new",
                })
            }
            Command::Load(load) => {
                let path = match sources::file(&load.path, "LOAD") {
                    Ok(path) => path,
                    Err(wrong) => {
                        self.found.push(wrong);
                        return None;
                    }
                };
                let entity_type = load.entity_type.as_ref().map(|name| EntityType::new(&name.text));
                Some(Made {
                    kind: StepKind::Load { path, entity_type: entity_type.clone() },
                    entity_type,
                    rows: Rows::Entities,
                    columns: None,
                    exact: false,
                    data_source: None,
                    inputs: Vec::new(),
                    command: "load",
                })
            }
            Command::Sort(sort) => {
                let input = self.lookup(&sort.variable)?;
                let mut derive = Derive::of(input);
                derive.sort = Some(self.sort_by(&sort.by, input)?);
                Some(self.derived(derive, "sort"))
            }
            Command::Group(group) => self.group(group),
            Command::Join(join) => self.join(join),
            Command::Merge(names) => self.merge(names),
            Command::Assign(expression) => {
                let derive = self.expression(expression)?;
                Some(self.derived(derive, "assign"))
            }
        }
    }

    /// Returns what a derivation makes: type, rows and columns follow from the input's.
    fn derived(&self, derive: Derive, command: &'static str) -> Made {
        let input = self.scope.version(derive.input);
        let rows = if derive.transform.is_some() { Rows::Appearances } else { input.rows };
        let mut columns = input.columns.clone();
        let mut exact = input.exact;
        let front = derive.transform.map_or(&[][..], TransformKind::columns);
        if let Some(columns) = &mut columns {
            columns.splice(0..0, front.iter().map(|name| (*name).to_owned()));
        }
        if let Some(attributes) = &derive.attributes {
            let mut shown: Vec<String> = front.iter().map(|name| (*name).to_owned()).collect();
            for attribute in attributes {
                let text = attribute.to_string();
                if !shown.contains(&text) {
                    shown.push(text);
                }
            }
            columns = Some(shown);
            exact = true;
        }
        Made {
            entity_type: input.entity_type.clone(),
            rows,
            columns,
            exact,
            data_source: input.data_source.clone(),
            inputs: vec![derive.input],
            command,
            kind: StepKind::Derive(derive),
        }
    }

    fn range(&self, bounds: &ast::Bounds) -> Range {
        match bounds.range.as_ref().map(|range| &range.kind) {
            None => Range::None,
            Some(RangeKind::Last(duration)) => Range::Last(duration.seconds()),
            Some(RangeKind::Absolute { start, stop }) => Range::Fixed(TimeWindow {
                start: Some(Timestamp::from_micros(start.micros)),
                stop: Some(Timestamp::from_micros(stop.micros)),
            }),
        }
    }

    fn get(&mut self, get: &ast::Get) -> Option<Made> {
        let entity_type = EntityType::new(&get.entity_type.text);
        let range = self.range(&get.bounds);
        let limit = get.bounds.limit.map(|count| count.value);
        let variable =
            get.source.as_ref().and_then(ast::Source::as_variable).and_then(|name| self.scope.current(name));
        if let Some(input) = variable {
            return self.get_from_variable(get, entity_type, input, range, limit);
        }
        let source = match &get.source {
            Some(source) => match sources::data_source(source, self.config) {
                Ok(address) => Some(address),
                Err(wrong) => {
                    let wrong = self.maybe_misspelt_variable(source, wrong);
                    self.found.push(wrong);
                    None
                }
            },
            None => match &self.scope.last_source {
                Some(last) => Some(last.clone()),
                None if self.after_broken => None,
                None => {
                    self.error(
                        Code::E0202,
                        get.entity_type.span,
                        "GET names no data source, and no step above used one".to_owned(),
                        "write FROM and an address after the entity type, for example `FROM stixbundle://bundle.json`",
                    );
                    None
                }
            },
        };
        let condition =
            patterns::condition(&get.pattern, Some(&entity_type), Site::Records, self.scope, self.found);
        let (source, condition) = (source?, condition?);
        self.scope.last_source = Some(source.clone());
        Some(Made {
            kind: StepKind::Get {
                entity_type: entity_type.clone(),
                source: source.clone(),
                condition,
                range,
                limit,
            },
            entity_type: Some(entity_type),
            rows: Rows::Entities,
            columns: None,
            exact: false,
            data_source: Some(source),
            inputs: Vec::new(),
            command: "get",
        })
    }

    /// `FROM prcs` may be a source of the default scheme or a misspelt variable.
    fn maybe_misspelt_variable(&self, source: &ast::Source, wrong: Diagnostic) -> Diagnostic {
        let suggest = self.found.len() < MAX_SUGGESTIONS;
        let near = source.as_variable().filter(|_| suggest);
        let near = near.map(|name| nearest(name, self.scope.names())).unwrap_or_default();
        match near.first() {
            Some(near) if wrong.help.is_none() => {
                wrong.help(format!("a variable with a close name exists: `{near}`"))
            }
            _ => wrong,
        }
    }

    fn get_from_variable(
        &mut self,
        get: &ast::Get,
        entity_type: EntityType,
        input: VarId,
        range: Range,
        limit: Option<u64>,
    ) -> Option<Made> {
        let version = self.scope.version(input);
        if version.rows == Rows::Groups {
            let wrong = after_group(
                version,
                "GET FROM",
                get.source.as_ref().map_or(get.pattern.span, |source| source.span),
            );
            self.found.push(wrong);
            return None;
        }
        if let Some(own) = version.entity_type.clone()
            && own != entity_type
        {
            let name = version.name.clone();
            self.error(
                Code::E0303,
                get.entity_type.span,
                format!("variable `{name}` holds {own} entities, not {entity_type}"),
                format!(
                    "use `GET {own} FROM {name} …`, or FIND to reach {entity_type} entities from `{name}`"
                ),
            );
            return None;
        }
        let site = Site::Variable(input);
        let condition = patterns::condition(&get.pattern, Some(&entity_type), site, self.scope, self.found)?;
        let derive = Derive { condition: Some(condition), range, limit, ..Derive::of(input) };
        Some(self.derived(derive, "get"))
    }

    fn find(&mut self, find: &ast::Find) -> Option<Made> {
        let entity_type = EntityType::new(&find.entity_type.text);
        let input = self.lookup(&find.variable);
        let condition = find.pattern.as_ref().map(|pattern| {
            patterns::condition(pattern, Some(&entity_type), Site::Records, self.scope, self.found)
        });
        let input = input?;
        let version = self.scope.version(input);
        if version.rows == Rows::Groups {
            let wrong = after_group(version, "FIND", find.variable.span);
            self.found.push(wrong);
            return None;
        }
        if let Some(own) = version.entity_type.clone()
            && let Err(unsupported) =
                relation::find(entity_type.as_str(), &find.relation.text, find.reversed, own.as_str())
        {
            self.found.push(unsupported_relation(&unsupported, &entity_type, find, &own));
            return None;
        }
        let condition = match condition {
            None => None,
            Some(None) => return None,
            Some(resolved) => resolved,
        };
        Some(Made {
            data_source: self.scope.version(input).data_source.clone(),
            kind: StepKind::Find {
                entity_type: entity_type.clone(),
                relation: find.relation.text.to_ascii_lowercase(),
                by: find.reversed,
                input,
                condition,
                range: self.range(&find.bounds),
                limit: find.bounds.limit.map(|count| count.value),
            },
            entity_type: Some(entity_type),
            rows: Rows::Entities,
            columns: None,
            exact: false,
            inputs: vec![input],
            command: "find",
        })
    }

    fn sort_by(&mut self, by: &ast::SortBy, input: VarId) -> Option<(AttributePath, bool)> {
        let attribute = attributes::of_variable(&by.attribute, input, self.scope, self.found)?;
        let descending = match by.order {
            Some(order) => order == ast::SortOrder::Descending,
            None => self.config.sort_descending,
        };
        Some((attribute, descending))
    }

    fn expression(&mut self, expression: &ast::Expression) -> Option<Derive> {
        let input = self.lookup(&expression.variable)?;
        let version = self.scope.version(input);
        let transform = expression.transformer.map(|transformer| match transformer {
            ast::Transformer::Timestamped => TransformKind::Timestamped,
            ast::Transformer::AddObsId => TransformKind::Addobsid,
            ast::Transformer::Records => TransformKind::Records,
        });
        if version.rows == Rows::Groups
            && let Some(transformer) = expression.transformer
        {
            let wrong = after_group(version, transformer.keyword(), expression.variable.span);
            self.found.push(wrong);
            return None;
        }
        // Clauses work on the transformed variable: its columns include the transformer's.
        let seen = match transform {
            None => input,
            Some(kind) => {
                let mut version = version.clone();
                version.rows = Rows::Appearances;
                if let Some(columns) = &mut version.columns {
                    columns.extend(kind.columns().iter().map(|name| (*name).to_owned()));
                }
                self.scope.versions.push(version);
                VarId(u32::try_from(self.scope.versions.len() - 1).unwrap_or(u32::MAX))
            }
        };
        let entity_type = self.scope.version(input).entity_type.clone();
        let condition = expression.pattern.as_ref().map(|pattern| {
            patterns::condition(pattern, entity_type.as_ref(), Site::Variable(seen), self.scope, self.found)
        });
        let attributes = expression.attributes.as_ref().map(|attributes| {
            let resolved: Vec<_> = attributes
                .iter()
                .map(|attribute| attributes::of_variable(attribute, seen, self.scope, self.found))
                .collect();
            resolved.into_iter().collect::<Option<Vec<_>>>()
        });
        let sort = expression.sort.as_ref().map(|by| self.sort_by(by, seen));
        if seen != input {
            self.scope.versions.pop();
        }
        Some(Derive {
            input,
            transform,
            condition: flat(condition)?,
            range: Range::None,
            sort: flat(sort)?,
            limit: expression.limit.map(|count| count.value),
            offset: expression.offset.map_or(0, |count| count.value),
            attributes: flat(attributes)?,
        })
    }

    fn group(&mut self, group: &ast::Group) -> Option<Made> {
        let input = self.lookup(&group.variable)?;
        let mut keys = Vec::new();
        let mut fine = true;
        let mut names: Vec<(String, Span)> = Vec::new();
        for key in &group.keys {
            names.push((key.column(), key.span()));
            let (attribute, bin) = match key {
                ast::GroupKey::Attribute(attribute) => (attribute, None),
                ast::GroupKey::Bin { attribute, size, unit, .. } => {
                    let bin = match unit {
                        None => Bin::Number { width: size.value },
                        Some(unit) => Bin::Time { seconds: size.value.saturating_mul(unit.seconds()) },
                    };
                    (attribute, Some(bin))
                }
            };
            match attributes::of_variable(attribute, input, self.scope, self.found) {
                Some(attribute) => {
                    keys.push(kestrel_ir::op::GroupKey { attribute, bin, column: key.column() })
                }
                None => fine = false,
            }
        }
        let mut aggregates = Vec::new();
        for aggregate in &group.aggregates {
            names.push((aggregate.column(), aggregate.span));
            match attributes::of_variable(&aggregate.attribute, input, self.scope, self.found) {
                Some(attribute) => aggregates.push(kestrel_ir::op::Aggregate {
                    function: function(aggregate.function),
                    attribute,
                    column: aggregate.column(),
                }),
                None => fine = false,
            }
        }
        for (n, (name, span)) in names.iter().enumerate() {
            if let Some((_, first)) = names[..n].iter().find(|(earlier, _)| earlier == name) {
                let wrong =
                    Diagnostic::new(Code::E0306, format!("the result would have two columns `{name}`"))
                        .at(*span)
                        .label(*first, "the first one")
                        .help("give one of them another name with AS");
                self.found.push(wrong);
                fine = false;
            }
        }
        if !fine {
            return None;
        }
        let version = self.scope.version(input);
        let automatic = group.aggregates.is_empty();
        Some(Made {
            entity_type: version.entity_type.clone(),
            rows: Rows::Groups,
            // Which automatic aggregates there are depends on the attributes in the data.
            columns: (!automatic).then(|| names.into_iter().map(|(name, _)| name).collect()),
            exact: true,
            data_source: version.data_source.clone(),
            inputs: vec![input],
            command: "group",
            kind: StepKind::Group { input, keys, aggregates: (!automatic).then_some(aggregates) },
        })
    }

    fn join(&mut self, join: &ast::Join) -> Option<Made> {
        let (left, right) = (self.lookup(&join.left), self.lookup(&join.right));
        let (left, right) = (left?, right?);
        let by = match &join.by {
            Some((a, b)) => {
                let a = attributes::of_variable(a, left, self.scope, self.found);
                let b = attributes::of_variable(b, right, self.scope, self.found);
                (a?, b?)
            }
            None => {
                let (a, b) = (self.scope.version(left), self.scope.version(right));
                let same = a.entity_type.is_some() && a.entity_type == b.entity_type;
                let attribute = a.entity_type.as_ref().filter(|_| same).and_then(|entity_type| {
                    identity::id_attributes(entity_type.as_str()).first().and_then(|name| name.parse().ok())
                });
                let Some(attribute): Option<AttributePath> = attribute else {
                    let name = |version: &Version| {
                        version.entity_type.as_ref().map_or("?".to_owned(), ToString::to_string)
                    };
                    let message =
                        format!("JOIN of {} with {} needs to know by which attributes", name(a), name(b));
                    let help = format!("write `JOIN {}, {} BY attribute, attribute`", a.name, b.name);
                    self.error(Code::E0303, join.left.span.to(join.right.span), message, help);
                    return None;
                };
                (attribute.clone(), attribute)
            }
        };
        let (a, b) = (self.scope.version(left), self.scope.version(right));
        let columns = match (&a.columns, &b.columns) {
            (Some(own), Some(other)) => {
                let mut columns = own.clone();
                columns.extend(other.iter().filter(|name| !own.contains(name)).cloned());
                Some(columns)
            }
            _ => None,
        };
        Some(Made {
            entity_type: a.entity_type.clone(),
            rows: if a.rows == Rows::Groups { Rows::Groups } else { Rows::Entities },
            columns,
            exact: a.exact && b.exact,
            data_source: a.data_source.clone().or_else(|| b.data_source.clone()),
            inputs: vec![left, right],
            command: "join",
            kind: StepKind::Join { left, right, by },
        })
    }

    fn merge(&mut self, names: &[Name]) -> Option<Made> {
        let inputs: Vec<_> = names.iter().map(|name| self.lookup(name)).collect();
        let inputs: Vec<VarId> = inputs.into_iter().collect::<Option<_>>()?;
        let first = self.scope.version(inputs[0]).clone();
        for (name, input) in names.iter().zip(&inputs).skip(1) {
            let other = self.scope.version(*input).clone();
            if let (Some(a), Some(b)) = (&first.entity_type, &other.entity_type)
                && a != b
            {
                let message = format!(
                    "cannot merge entities of two types: `{}` holds {a}, `{}` holds {b}",
                    first.name, other.name
                );
                let wrong = Diagnostic::new(Code::E0303, message)
                    .at(name.span)
                    .label(names[0].span, format!("{a} here"));
                self.found.push(wrong.help("merge variables of one type; JOIN combines different ones"));
                return None;
            }
            if first.rows != other.rows {
                let message = format!(
                    "cannot merge {} with {}: `{}` and `{}` have different kinds of rows",
                    rows_name(first.rows),
                    rows_name(other.rows),
                    first.name,
                    other.name
                );
                self.error(Code::E0303, name.span, message, "merge before the transformer or the GROUP");
                return None;
            }
        }
        let mut columns = first.columns.clone();
        for input in &inputs[1..] {
            columns = match (columns, &self.scope.version(*input).columns) {
                (Some(mut own), Some(more)) => {
                    own.extend(more.iter().filter(|name| !own.contains(name)).cloned().collect::<Vec<_>>());
                    Some(own)
                }
                _ => None,
            };
        }
        let versions = || inputs.iter().map(|input| self.scope.version(*input));
        Some(Made {
            entity_type: versions().find_map(|version| version.entity_type.clone()),
            rows: first.rows,
            columns,
            exact: versions().all(|version| version.exact),
            data_source: versions().find_map(|version| version.data_source.clone()),
            kind: StepKind::Merge(inputs.clone()),
            inputs,
            command: "merge",
        })
    }

    fn effect(&mut self, effect: &Effect, span: Span) -> Option<StepKind> {
        match effect {
            Effect::Apply(apply) => self.apply(apply, span),
            Effect::Disp(expression) => self.expression(expression).map(StepKind::Disp),
            Effect::Info(name) => self.lookup(name).map(StepKind::Info),
            Effect::Describe(reference) => {
                let id = self.lookup(&reference.variable)?;
                let attribute = attributes::of_variable(&reference.attribute, id, self.scope, self.found)?;
                Some(StepKind::Describe(id, attribute))
            }
            Effect::Save(save) => {
                let input = self.lookup(&save.variable);
                match sources::file(&save.path, "SAVE") {
                    Ok(path) => Some(StepKind::Save { input: input?, path }),
                    Err(wrong) => {
                        self.found.push(wrong);
                        None
                    }
                }
            }
            Effect::Explain(name) => self.lookup(name).map(StepKind::Explain),
        }
    }

    fn apply(&mut self, apply: &ast::Apply, span: Span) -> Option<StepKind> {
        let analytic = match sources::analytic(&apply.analytic, self.config) {
            Ok(analytic) => Some(analytic),
            Err(wrong) => {
                self.found.push(wrong);
                None
            }
        };
        let inputs: Vec<_> = apply.variables.iter().map(|name| self.lookup(name)).collect();
        let mut references = Vec::new();
        let mut arguments = Vec::new();
        let mut fine = true;
        for argument in &apply.arguments {
            let mut parts = Vec::new();
            for literal in argument.value.literals() {
                match literal {
                    ast::Literal::Reference(reference) => {
                        let suggest = self.found.len() < MAX_SUGGESTIONS;
                        match patterns::bind_reference(reference, self.scope, &mut references, suggest) {
                            Ok((input, path)) => parts.push(Argument::Reference { input, path }),
                            Err(wrong) => {
                                self.found.push(wrong);
                                fine = false;
                            }
                        }
                    }
                    other => parts.extend(patterns::literal_value(other).map(Argument::Value)),
                }
            }
            arguments.push((argument.key.text.clone(), parts));
        }
        let inputs: Vec<VarId> = inputs.into_iter().collect::<Option<_>>()?;
        let analytic = analytic?;
        if !fine {
            return None;
        }
        let mut results = Vec::new();
        for input in &inputs {
            let version = self.scope.version(*input).clone();
            // An analytic may add attributes of any name.
            let changed = Version { columns: None, exact: false, span, ..version };
            let name = changed.name.clone();
            let result = self.scope.define(changed);
            if name != self.config.default_variable {
                self.scope.alias(&self.config.default_variable.clone(), result);
            }
            results.push(result);
        }
        Some(StepKind::Apply { analytic, inputs, results, arguments, references })
    }
}

/// Turns "clause there but wrong" into "step wrong".
fn flat<T>(clause: Option<Option<T>>) -> Option<Option<T>> {
    match clause {
        None => Some(None),
        Some(None) => None,
        Some(resolved) => Some(resolved),
    }
}

fn function(function: ast::AggregateFunction) -> Function {
    match function {
        ast::AggregateFunction::Min => Function::Min,
        ast::AggregateFunction::Max => Function::Max,
        ast::AggregateFunction::Sum => Function::Sum,
        ast::AggregateFunction::Avg => Function::Avg,
        ast::AggregateFunction::Count => Function::Count,
        ast::AggregateFunction::Nunique => Function::Nunique,
    }
}

fn rows_name(rows: Rows) -> &'static str {
    match rows {
        Rows::Entities => "entities",
        Rows::Appearances => "appearances",
        Rows::Groups => "groups",
    }
}

fn after_group(version: &Version, what: &str, span: Span) -> Diagnostic {
    let from = version
        .dependencies
        .first()
        .map_or("the variable before GROUP".to_owned(), |name| format!("`{name}`"));
    Diagnostic::new(
        Code::E0305,
        format!("{what} is not available after GROUP: `{}` holds groups, not entities", version.name),
    )
    .at(span)
    .label(version.span, "grouped here")
    .help(format!("use {from} instead"))
}

fn unsupported_relation(
    unsupported: &relation::Unsupported,
    returned: &EntityType,
    find: &ast::Find,
    input: &EntityType,
) -> Diagnostic {
    let verb = unsupported.verb.to_ascii_lowercase();
    let variable = &find.variable.text;
    let (subject, object) = (&unsupported.subject, &unsupported.object);
    let message = format!(
        "unsupported relation `{subject}--{verb}--{object}`: there is no {object} that a {subject} has {verb}"
    );
    let mut ways: Vec<String> =
        unsupported.without_by.iter().map(|verb| format!("`FIND {returned} {verb} {variable}`")).collect();
    ways.extend(unsupported.with_by.iter().map(|verb| format!("`FIND {returned} {verb} BY {variable}`")));
    ways.push(format!("`FIND {returned} LINKED {variable}`"));
    let help = if unsupported.is_verb {
        format!("between {returned} and {input} there is {}", ways.join(", "))
    } else {
        let verbs: Vec<_> = relation::verbs().collect();
        let near = nearest(&verb, verbs.iter().copied());
        match near.first() {
            Some(near) => format!("no relation is called {verb}; did you mean {near}?"),
            None => format!(
                "no relation is called {verb}; between {returned} and {input} there is {}",
                ways.join(", ")
            ),
        }
    };
    Diagnostic::new(Code::E0302, message).at(find.relation.span).help(help)
}

impl Condition {
    /// Returns the attributes that tests on `entity_type` use, each once.
    pub fn attributes_of(&self, entity_type: &EntityType) -> Vec<&AttributePath> {
        let mut paths = Vec::new();
        for test in self.pattern.comparisons() {
            if test.entity_type == *entity_type && !paths.contains(&&test.path) {
                paths.push(&test.path);
            }
        }
        paths
    }
}
