//! Patterns: fill in the centre type, tell centred from extended tests, bind references.

use kestrel_ir::diagnostic::{Code, Diagnostic};
use kestrel_stix::{
    AttributePath, EntityType, Value,
    pattern::{Comparison, Operand, Operator, Pattern, Reference},
};

use super::{attributes, scope::Scope};
use crate::{
    ast::{self, Literal, NumberValue, OperatorKind, PatternExpr},
    hir::{Condition, VarId},
};

/// Where a pattern stands: which tests are possible there.
#[derive(Debug, Clone, Copy)]
pub enum Site {
    /// `GET` from a source, `FIND`: other types of the same record can be tested.
    Records,
    /// `DISP`, assignment, `GET` from a variable: only the rows at hand, of this variable.
    Variable(VarId),
}

/// Returns the condition that a pattern states about entities of type `centre`.
pub fn condition(
    pattern: &ast::Pattern,
    centre: Option<&EntityType>,
    site: Site,
    scope: &Scope,
    found: &mut Vec<Diagnostic>,
) -> Option<Condition> {
    let mut references = Vec::new();
    let mut cx = Cx { centre, site, scope, references: &mut references, found };
    let pattern = cx.expr(&pattern.expr)?;
    Some(Condition { pattern, references })
}

struct Cx<'c> {
    centre: Option<&'c EntityType>,
    site: Site,
    scope: &'c Scope,
    references: &'c mut Vec<VarId>,
    found: &'c mut Vec<Diagnostic>,
}

impl Cx<'_> {
    /// Returns none when a test is wrong; the others are checked all the same.
    fn expr(&mut self, expr: &PatternExpr) -> Option<Pattern> {
        match expr {
            PatternExpr::Paren(inner, _) => self.expr(inner),
            PatternExpr::Test(test) => self.test(test).map(Pattern::Test),
            PatternExpr::And(parts) => self.parts(parts).map(Pattern::And),
            PatternExpr::Or(parts) => self.parts(parts).map(Pattern::Or),
        }
    }

    fn parts(&mut self, parts: &[PatternExpr]) -> Option<Vec<Pattern>> {
        let resolved: Vec<_> = parts.iter().map(|part| self.expr(part)).collect();
        resolved.into_iter().collect()
    }

    fn test(&mut self, test: &ast::Test) -> Option<Comparison> {
        let path = attributes::path(&test.attribute);
        let written = test.attribute.entity_type.as_ref().map(|name| EntityType::new(&name.text));
        let extended = written.is_some() && written.as_ref() != self.centre && self.centre.is_some();
        if let Site::Variable(id) = self.site {
            if extended {
                self.found.push(self.extended_here(test, id));
                return None;
            }
            if let Some(wrong) = attributes::check(self.scope, id, &path, test.attribute.span) {
                self.found.push(wrong);
                return None;
            }
        }
        let operand = self.operand(test)?;
        // A file without `AS` has no type before it is read; its tests are about itself.
        let entity_type = written.or_else(|| self.centre.cloned()).unwrap_or_else(|| EntityType::new("*"));
        let operator = match test.operator.kind {
            OperatorKind::Equal | OperatorKind::In => Operator::Equal,
            OperatorKind::Less => Operator::Less,
            OperatorKind::LessEqual => Operator::LessEqual,
            OperatorKind::Greater => Operator::Greater,
            OperatorKind::GreaterEqual => Operator::GreaterEqual,
            OperatorKind::Like => Operator::Like,
            OperatorKind::Matches => Operator::Matches,
            OperatorKind::IsSubset => Operator::IsSubset,
            OperatorKind::IsSuperset => Operator::IsSuperset,
            OperatorKind::IsNull => Operator::IsNull,
        };
        Some(Comparison { entity_type, path, operator, negated: test.operator.negated, operand })
    }

    fn extended_here(&self, test: &ast::Test, id: VarId) -> Diagnostic {
        let written = test.attribute.entity_type.as_ref().map_or("", |name| name.text.as_str());
        let variable = self.scope.version(id);
        let own = variable.entity_type.as_ref().map_or("unknown", EntityType::as_str);
        Diagnostic::new(
            Code::E0307,
            format!(
                "`{written}:{}` tests another type than `{}`, which holds {own}",
                test.attribute.canonical(),
                variable.name
            ),
        )
        .at(test.span)
        .help("only GET from a data source and FIND can test other types in the same record")
    }

    fn operand(&mut self, test: &ast::Test) -> Option<Operand> {
        let mut operand = Operand::default();
        let Some(value) = &test.value else { return Some(operand) };
        let mut fine = true;
        for literal in value.each_literal() {
            match literal {
                Literal::Reference(reference) => match self.reference(reference) {
                    Some(reference) => {
                        if !operand.references.contains(&reference) {
                            operand.references.push(reference);
                        }
                    }
                    None => fine = false,
                },
                other => push_new(&mut operand.values, literal_value(other)),
            }
        }
        fine.then_some(operand)
    }

    fn reference(&mut self, reference: &ast::Reference) -> Option<Reference> {
        let suggest = self.found.len() < super::MAX_SUGGESTIONS;
        match bind_reference(reference, self.scope, self.references, suggest) {
            Ok((input, path)) => Some(Reference { input, path }),
            Err(wrong) => {
                self.found.push(wrong);
                None
            }
        }
    }
}

fn push_new(values: &mut Vec<Value>, value: Option<Value>) {
    let Some(value) = value else { return };
    // Long lists come from indicator feeds; looking through them again for each value would
    // make the time quadratic, so only short lists are freed from duplicates here. The store
    // uses sets.
    if values.len() > 64 || !values.contains(&value) {
        values.push(value);
    }
}

/// Returns the value of a literal that is no reference.
pub fn literal_value(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Text(text) => Some(Value::Text(text.value.clone())),
        Literal::Bare(name) => Some(Value::Text(name.text.clone())),
        Literal::Number(number) => Some(match number.value {
            NumberValue::Int(n) => Value::Int(n),
            NumberValue::Float(n) => Value::Float(n),
        }),
        Literal::Reference(_) => None,
    }
}

/// Binds `var.attr` (with suggestions for unknown names if asked for): returns the index of the variable among the step's references and the path.
pub fn bind_reference(
    reference: &ast::Reference,
    scope: &Scope,
    references: &mut Vec<VarId>,
    suggest: bool,
) -> Result<(u32, AttributePath), Diagnostic> {
    let id = scope.lookup(&reference.variable, suggest).map_err(|unknown| {
        let text = format!("{}.{}", reference.variable.text, reference.attribute.canonical());
        let help = match unknown.help.as_deref() {
            Some(near) if near.starts_with("a variable with") => {
                format!("{near}; or quote the text: '{text}'")
            }
            _ => format!("a word with a dot refers to a variable; quote it if it is text: '{text}'"),
        };
        unknown.help(help)
    })?;
    let path = attributes::path(&reference.attribute);
    if let Some(wrong) = attributes::check(scope, id, &path, reference.attribute.span) {
        return Err(wrong);
    }
    let input = match references.iter().position(|known| *known == id) {
        Some(known) => known,
        None => {
            references.push(id);
            references.len() - 1
        }
    };
    Ok((u32::try_from(input).unwrap_or(u32::MAX), path))
}
