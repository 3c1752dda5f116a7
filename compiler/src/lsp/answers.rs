//! One function a request: from the protocol's types to [`editor`](crate::editor) and back.

use std::collections::HashMap;

use kestrel_ir::diagnostic::{Diagnostic, Severity, Span};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeDescription, CompletionItem, CompletionItemKind,
    CompletionList, CompletionTextEdit, Diagnostic as LspDiagnostic, DiagnosticRelatedInformation,
    DiagnosticSeverity, DiagnosticTag, DocumentHighlight, DocumentHighlightKind, DocumentSymbol,
    FoldingRange, FoldingRangeKind, Hover, HoverContents, Location, MarkupContent, MarkupKind,
    NumberOrString, Position, Range, SemanticToken, SemanticTokenModifier, SemanticTokenType,
    SemanticTokensLegend, SymbolKind, TextEdit, Uri, WorkspaceEdit,
};

use super::documents::{Examined, Here, OpenHunt, OpenText};
use crate::{
    document,
    editor::{
        actions,
        classes::{self, Class},
        complete::{self, OfferKind, Surroundings},
        hover, names, rename, symbols,
    },
    lints::Finding,
};

/// Returns the diagnostics of an examination of a hunt as it is now, as editors show them: one list
/// for each of its texts.
pub fn diagnostics(hunt: &OpenHunt, examined: &Examined) -> Vec<Vec<LspDiagnostic>> {
    let mut lists = vec![Vec::new(); hunt.texts.len()];
    for finding in examined.findings.iter().flatten() {
        let block = finding.diagnostic.span.map_or(0, |span| span.source.0 as usize);
        if let (Some(list), Some(found)) = (lists.get_mut(block), diagnostic(hunt, &finding.diagnostic)) {
            list.push(found);
        }
    }
    lists
}

fn diagnostic(hunt: &OpenHunt, found: &Diagnostic) -> Option<LspDiagnostic> {
    let related: Vec<DiagnosticRelatedInformation> = found
        .labels
        .iter()
        .filter_map(|label| {
            let location = hunt.location(label.span)?;
            Some(DiagnosticRelatedInformation { location, message: label.message.clone() })
        })
        .collect();
    let message = match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    };
    let unused = found.code.name().starts_with("unused") || found.code.name() == "overwritten-variable";
    Some(LspDiagnostic {
        range: hunt.location(found.span.unwrap_or_default())?.range,
        severity: Some(match found.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(found.code.as_str().to_owned())),
        code_description: None::<CodeDescription>,
        source: Some("kestrelc".to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: unused.then(|| vec![DiagnosticTag::UNNECESSARY]),
        data: None,
    })
}

/// Returns what is under a position.
pub fn hover(here: &mut Here<'_>, position: Position) -> Option<Hover> {
    let examined = here.examine();
    let found = hover::hover(&examined.analysis, here.place(position))?;
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: found.markdown }),
        range: Some(here.range(found.span.range())),
    })
}

/// Returns what could stand at a position.
pub fn completion(
    here: &mut Here<'_>,
    position: Position,
    surroundings: &Surroundings<'_>,
) -> CompletionList {
    let place = here.place(position);
    // The latest examination serves while it knows the steps above.
    let recent = here.recent();
    let recent = recent.filter(|known| complete::is_recent(&known.analysis, place, here.text().hunt()));
    let examined = recent.unwrap_or_else(|| here.examine());
    let found = complete::complete(&examined.analysis, place, here.text().hunt(), surroundings);
    let replace = here.range(found.replace);
    let items = found.offers.into_iter().enumerate().map(|(index, offer)| CompletionItem {
        kind: Some(match offer.kind {
            OfferKind::Keyword => CompletionItemKind::KEYWORD,
            OfferKind::Operator => CompletionItemKind::OPERATOR,
            OfferKind::Variable => CompletionItemKind::VARIABLE,
            OfferKind::EntityType => CompletionItemKind::CLASS,
            OfferKind::Attribute => CompletionItemKind::FIELD,
            OfferKind::Relation => CompletionItemKind::METHOD,
            OfferKind::Function => CompletionItemKind::FUNCTION,
            OfferKind::Source => CompletionItemKind::MODULE,
            OfferKind::Analytic => CompletionItemKind::EVENT,
            OfferKind::File => CompletionItemKind::FILE,
            OfferKind::Time => CompletionItemKind::VALUE,
        }),
        detail: (!offer.detail.is_empty()).then_some(offer.detail),
        sort_text: Some(format!("{index:04}")),
        filter_text: Some(offer.text.clone()),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range: replace, new_text: offer.text.clone() })),
        label: offer.text,
        ..CompletionItem::default()
    });
    CompletionList { is_incomplete: found.more, items: items.collect() }
}

/// Returns where the variable at a position got its value.
pub fn definition(here: &mut Here<'_>, position: Position) -> Option<Location> {
    let examined = here.examine();
    here.hunt.location(names::definition(&examined.analysis, here.place(position))?)
}

/// Returns the mentions of the variable at a position.
pub fn references(here: &mut Here<'_>, position: Position, definitions: bool) -> Vec<Location> {
    let examined = here.examine();
    let spans = names::references(&examined.analysis, here.place(position), definitions);
    spans.into_iter().filter_map(|span| here.hunt.location(span)).collect()
}

/// Returns the mentions of the variable at a position, told apart by reading and writing.
pub fn highlights(here: &mut Here<'_>, position: Position) -> Vec<DocumentHighlight> {
    let examined = here.examine();
    let place = here.place(position);
    let Some(name) = names::at(&examined.analysis, place).map(|found| found.name) else { return Vec::new() };
    let here_too = |found: &names::Occurrence<'_>| found.span.source.0 as usize == here.block;
    let all = names::occurrences(&examined.analysis).into_iter();
    let all = all.filter(|found| found.name == name && here_too(found));
    all.map(|found| DocumentHighlight {
        range: here.range(found.span.start as usize..found.span.start as usize + name.len()),
        kind: Some(match found.definition {
            true => DocumentHighlightKind::WRITE,
            false => DocumentHighlightKind::READ,
        }),
    })
    .collect()
}

/// Returns the name that a rename at a position would change, or why there is none.
pub fn prepare_rename(here: &mut Here<'_>, position: Position) -> Result<Range, rename::Refused> {
    let examined = here.examine();
    rename::prepare(&examined.analysis, here.place(position)).map(|span| here.range(span.range()))
}

/// Returns the changes that give the variable at a position another name, or why not.
pub fn rename(here: &mut Here<'_>, position: Position, new: &str) -> Result<WorkspaceEdit, rename::Refused> {
    let examined = here.examine();
    let places = rename::rename(&examined.analysis, here.place(position), new)?;
    Ok(edit(here.hunt, places.into_iter().map(|span| (span, new))))
}

/// The change of all these places, in whatever texts of the hunt they are.
#[expect(clippy::mutable_key_type, reason = "the protocol's type, and its hash does not look inside")]
fn edit<'t>(hunt: &OpenHunt, places: impl Iterator<Item = (Span, &'t str)>) -> WorkspaceEdit {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for (span, new) in places {
        if let Some(Location { uri, range }) = hunt.location(span) {
            changes.entry(uri).or_default().push(TextEdit { range, new_text: new.to_owned() });
        }
    }
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}

/// Returns the outline.
pub fn outline(here: &mut Here<'_>) -> Vec<DocumentSymbol> {
    let examined = here.examine();
    let symbols = symbols::symbols(&examined.analysis, here.block).into_iter();
    symbols
        .map(|symbol| {
            #[expect(deprecated, reason = "the type has no other way to be made")]
            DocumentSymbol {
                name: symbol.name,
                detail: (!symbol.detail.is_empty()).then_some(symbol.detail),
                kind: match symbol.kind {
                    symbols::SymbolKind::Variable => SymbolKind::VARIABLE,
                    symbols::SymbolKind::Analytic => SymbolKind::FUNCTION,
                    symbols::SymbolKind::Display => SymbolKind::EVENT,
                    symbols::SymbolKind::File => SymbolKind::FILE,
                    symbols::SymbolKind::Broken => SymbolKind::NULL,
                },
                tags: None,
                deprecated: None,
                range: here.range(symbol.span.range()),
                selection_range: here.range(symbol.name_span.range()),
                children: None,
            }
        })
        .collect()
}

/// Returns the statements that have several lines, for folding.
pub fn folding(here: &mut Here<'_>) -> Vec<FoldingRange> {
    let examined = here.examine();
    let Some(block) = examined.analysis.block(here.block) else { return Vec::new() };
    let ranges = block.ast.statements.iter().map(|statement| here.range(statement.span.range()));
    let folded = ranges.filter(|range| range.end.line > range.start.line).map(|range| FoldingRange {
        start_line: range.start.line,
        end_line: range.end.line,
        kind: Some(FoldingRangeKind::Region),
        ..FoldingRange::default()
    });
    folded.collect()
}

/// Returns the changes that bring a text into the canonical style; none if it has errors.
pub fn format(here: &Here<'_>) -> Option<Vec<TextEdit>> {
    formatted(here, |huntflow, _| huntflow.format().ok())
}

/// As [`format()`], for the statements that touch a range.
pub fn format_range(here: &Here<'_>, range: Range) -> Option<Vec<TextEdit>> {
    let (start, end) = here.text().bytes(range);
    let within = |magic: usize| start.saturating_sub(magic)..end.saturating_sub(magic);
    formatted(here, |huntflow, magic| huntflow.format_range(within(magic)).ok())
}

/// The line `%%kestrel` of a cell stays as it is.
fn formatted(
    here: &Here<'_>,
    format: impl Fn(&document::Document, usize) -> Option<Vec<u8>>,
) -> Option<Vec<TextEdit>> {
    let text = here.text();
    if !text.is_kestrel() {
        return None;
    }
    let (mark, rest) = text.text.split_at_checked(text.magic())?;
    let formatted = format(&document::Document::read("hunt.hf", rest.as_bytes()), mark.len())?;
    let mut formatted = String::from_utf8(formatted).ok()?;
    // A cell has no line end after its last line.
    if here.hunt.is_notebook() && !rest.ends_with('\n') && formatted.ends_with('\n') {
        formatted.pop();
    }
    Some(changes(text, &format!("{mark}{formatted}")))
}

/// The smallest single change that makes one text another: cursors outside it stay.
fn changes(text: &OpenText, new: &str) -> Vec<TextEdit> {
    let old: &str = &text.text;
    if old == new {
        return Vec::new();
    }
    let same = |pairs: &mut dyn Iterator<Item = (char, char)>| -> usize {
        pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
    };
    let head = same(&mut old.chars().zip(new.chars()));
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = same(&mut old_rest.chars().rev().zip(new_rest.chars().rev()));
    // Both halves of a CRLF stay together.
    let head = if old.get(..head).is_some_and(|before| before.ends_with('\r')) { head - 1 } else { head };
    let new_text = new.get(head..new.len() - tail).unwrap_or_default().to_owned();
    vec![TextEdit { range: text.range(head..old.len() - tail), new_text }]
}

/// Returns the repairs of findings that touch a range.
pub fn code_actions(here: &Here<'_>, examined: &Examined, at: Range) -> Vec<CodeActionOrCommand> {
    let findings: &[Finding] = examined.findings.as_deref().unwrap_or_default();
    let (start, end) = here.text().bytes(at);
    let found = actions::actions(findings, here.block, &(start..end));
    found
        .into_iter()
        .map(|action| {
            CodeActionOrCommand::CodeAction(CodeAction {
                title: action.title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(diagnostic(here.hunt, &action.finding.diagnostic).into_iter().collect()),
                edit: Some(edit(here.hunt, action.edits.iter().map(|edit| (edit.span, edit.text.as_str())))),
                is_preferred: Some(action.safe),
                ..CodeAction::default()
            })
        })
        .collect()
}

/// Returns the action that repairs everything in a text that can be repaired safely, if there is
/// something.
pub fn fix_all(
    here: &Here<'_>,
    examined: &Examined,
    now: Option<kestrel_stix::Timestamp>,
) -> Option<CodeActionOrCommand> {
    use crate::lints::fix::{Which, fix};
    let settings = &here.hunt.settings;
    let fixed = fix(&examined.analysis.hunt, &settings.config, &settings.selection, now, Which::Safe);
    let text = here.text();
    // The mark of a cell, which is blanks to the hunt, comes back.
    let (mark, _) = text.text.split_at_checked(text.magic())?;
    let rest = fixed.texts.get(here.block)?.get(mark.len()..)?;
    let edits = changes(text, &format!("{mark}{rest}"));
    (!edits.is_empty()).then(|| {
        CodeActionOrCommand::CodeAction(CodeAction {
            title: "repair all that keeps the meaning".to_owned(),
            kind: Some(CodeActionKind::SOURCE_FIX_ALL),
            edit: Some(WorkspaceEdit {
                changes: Some(HashMap::from([(text.uri.clone(), edits)])),
                ..WorkspaceEdit::default()
            }),
            ..CodeAction::default()
        })
    })
}

/// The names of token types, by number.
pub fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: Class::ALL.into_iter().map(|class| SemanticTokenType::new(class.name())).collect(),
        token_modifiers: vec![SemanticTokenModifier::DEFINITION],
    }
}

/// Returns the classes of all tokens that touch a range, each relative to the one before.
pub fn semantic_tokens(here: &mut Here<'_>, within: Option<Range>) -> Vec<SemanticToken> {
    let examined = here.examine();
    let (from, to) = within.map_or((0, here.text().text.len()), |range| here.text().bytes(range));
    let mut tokens = Vec::new();
    let mut last = Position::default();
    for piece in classes::classes(&examined.analysis, here.block) {
        if (piece.end as usize) < from || piece.start as usize > to {
            continue;
        }
        let range = here.range(piece.start as usize..piece.end as usize);
        // A token of the protocol stays on one line, as all tokens of the language do.
        if range.start.line != range.end.line {
            continue;
        }
        let same_line = range.start.line == last.line;
        let number = Class::ALL.iter().position(|class| *class == piece.class).unwrap_or(0);
        tokens.push(SemanticToken {
            delta_line: range.start.line - last.line,
            delta_start: range.start.character - if same_line { last.character } else { 0 },
            length: range.end.character - range.start.character,
            token_type: u32::try_from(number).unwrap_or(0),
            token_modifiers_bitset: u32::from(piece.definition),
        });
        last = range.start;
    }
    tokens
}
