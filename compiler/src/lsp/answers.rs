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

use super::documents::{Document, Examined, range};
use crate::{
    document,
    editor::{
        Lines, actions,
        classes::{self, Class},
        complete::{self, OfferKind, Surroundings},
        hover, names, rename, symbols,
    },
    lints::Finding,
};

/// Returns the diagnostics of an examination, as editors show them.
pub fn diagnostics(uri: &Uri, examined: &Examined) -> Vec<LspDiagnostic> {
    let Some(block) = examined.analysis.block(0) else { return Vec::new() };
    let findings = examined.findings.iter().flatten();
    findings.map(|finding| diagnostic(uri, &block.text, &examined.lines, &finding.diagnostic)).collect()
}

fn diagnostic(uri: &Uri, text: &str, lines: &Lines, found: &Diagnostic) -> LspDiagnostic {
    let at = |span: Option<Span>| range(text, lines, span.map_or(0..0, Span::range));
    let related: Vec<DiagnosticRelatedInformation> = found
        .labels
        .iter()
        .map(|label| DiagnosticRelatedInformation {
            location: Location { uri: uri.clone(), range: at(Some(label.span)) },
            message: label.message.clone(),
        })
        .collect();
    let message = match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    };
    let unused = found.code.name().starts_with("unused") || found.code.name() == "overwritten-variable";
    LspDiagnostic {
        range: at(found.span),
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
    }
}

/// Returns what is under a position.
pub fn hover(document: &mut Document, position: Position) -> Option<Hover> {
    let examined = document.examine();
    let found = hover::hover(&examined.analysis, document.place(position))?;
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: found.markdown }),
        range: Some(document.range(found.span.range())),
    })
}

/// Returns what could stand at a position.
pub fn completion(
    document: &mut Document,
    position: Position,
    surroundings: &Surroundings<'_>,
) -> CompletionList {
    let place = document.place(position);
    // The latest examination serves while it knows the steps above.
    let examined = match &document.examined {
        Some(examined) if complete::is_recent(&examined.analysis, place, &document.text) => examined.clone(),
        _ => document.examine(),
    };
    let found = complete::complete(&examined.analysis, place, &document.text, surroundings);
    let replace = document.range(found.replace);
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
pub fn definition(uri: &Uri, document: &mut Document, position: Position) -> Option<Location> {
    let examined = document.examine();
    let span = names::definition(&examined.analysis, document.place(position))?;
    Some(Location { uri: uri.clone(), range: document.range(span.range()) })
}

/// Returns the mentions of the variable at a position.
pub fn references(
    uri: &Uri,
    document: &mut Document,
    position: Position,
    definitions: bool,
) -> Vec<Location> {
    let examined = document.examine();
    let spans = names::references(&examined.analysis, document.place(position), definitions);
    spans.into_iter().map(|span| Location { uri: uri.clone(), range: document.range(span.range()) }).collect()
}

/// Returns the mentions of the variable at a position, told apart by reading and writing.
pub fn highlights(document: &mut Document, position: Position) -> Vec<DocumentHighlight> {
    let examined = document.examine();
    let place = document.place(position);
    let Some(name) = names::at(&examined.analysis, place).map(|found| found.name) else { return Vec::new() };
    let all = names::occurrences(&examined.analysis).into_iter().filter(|found| found.name == name);
    all.map(|found| DocumentHighlight {
        range: document.range(found.span.start as usize..found.span.start as usize + name.len()),
        kind: Some(match found.definition {
            true => DocumentHighlightKind::WRITE,
            false => DocumentHighlightKind::READ,
        }),
    })
    .collect()
}

/// Returns the name that a rename at a position would change, or why there is none.
pub fn prepare_rename(document: &mut Document, position: Position) -> Result<Range, rename::Refused> {
    let examined = document.examine();
    rename::prepare(&examined.analysis, document.place(position)).map(|span| document.range(span.range()))
}

/// Returns the changes that give the variable at a position another name, or why not.
pub fn rename(
    uri: &Uri,
    document: &mut Document,
    position: Position,
    new: &str,
) -> Result<WorkspaceEdit, rename::Refused> {
    let examined = document.examine();
    let places = rename::rename(&examined.analysis, document.place(position), new)?;
    let edits = places
        .into_iter()
        .map(|span| TextEdit { range: document.range(span.range()), new_text: new.to_owned() })
        .collect();
    Ok(edit(uri, edits))
}

fn edit(uri: &Uri, edits: Vec<TextEdit>) -> WorkspaceEdit {
    WorkspaceEdit { changes: Some(HashMap::from([(uri.clone(), edits)])), ..WorkspaceEdit::default() }
}

/// Returns the outline.
pub fn outline(document: &mut Document) -> Vec<DocumentSymbol> {
    let examined = document.examine();
    let symbols = symbols::symbols(&examined.analysis, 0).into_iter();
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
                range: document.range(symbol.span.range()),
                selection_range: document.range(symbol.name_span.range()),
                children: None,
            }
        })
        .collect()
}

/// Returns the statements that have several lines, for folding.
pub fn folding(document: &mut Document) -> Vec<FoldingRange> {
    let examined = document.examine();
    let Some(block) = examined.analysis.block(0) else { return Vec::new() };
    let ranges = block.ast.statements.iter().map(|statement| document.range(statement.span.range()));
    let folded = ranges.filter(|range| range.end.line > range.start.line).map(|range| FoldingRange {
        start_line: range.start.line,
        end_line: range.end.line,
        kind: Some(FoldingRangeKind::Region),
        ..FoldingRange::default()
    });
    folded.collect()
}

/// Returns the changes that bring a text into the canonical style; none if it has errors.
pub fn format(document: &Document) -> Option<Vec<TextEdit>> {
    let formatted = document::Document::read("hunt.hf", document.text.as_bytes()).format().ok()?;
    Some(changes(document, &String::from_utf8(formatted).ok()?))
}

/// As [`format()`], for the statements that touch a range.
pub fn format_range(document: &Document, range: Range) -> Option<Vec<TextEdit>> {
    let (start, end) = document.bytes(range);
    let formatted =
        document::Document::read("hunt.hf", document.text.as_bytes()).format_range(start..end).ok()?;
    Some(changes(document, &String::from_utf8(formatted).ok()?))
}

/// The smallest single change that makes one text another: cursors outside it stay.
fn changes(document: &Document, new: &str) -> Vec<TextEdit> {
    let old: &str = &document.text;
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
    vec![TextEdit { range: document.range(head..old.len() - tail), new_text }]
}

/// Returns the repairs of findings that touch a range, and one for all that keep the meaning.
pub fn code_actions(
    uri: &Uri,
    document: &Document,
    examined: &Examined,
    at: Range,
) -> Vec<CodeActionOrCommand> {
    let findings: &[Finding] = examined.findings.as_deref().unwrap_or_default();
    let (start, end) = document.bytes(at);
    let edits = |edits: &[crate::lints::Edit]| {
        let own = edits.iter().filter(|edit| edit.span.source.0 == 0);
        own.map(|edit| TextEdit { range: document.range(edit.span.range()), new_text: edit.text.clone() })
            .collect::<Vec<_>>()
    };
    let found = actions::actions(findings, 0, &(start..end));
    found
        .into_iter()
        .map(|action| {
            CodeActionOrCommand::CodeAction(CodeAction {
                title: action.title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![diagnostic(
                    uri,
                    &document.text,
                    &document.lines,
                    &action.finding.diagnostic,
                )]),
                edit: Some(edit(uri, edits(action.edits))),
                is_preferred: Some(action.safe),
                ..CodeAction::default()
            })
        })
        .collect()
}

/// Returns the action that repairs everything that can be repaired safely, if there is something.
pub fn fix_all(
    uri: &Uri,
    document: &Document,
    examined: &Examined,
    now: Option<kestrel_stix::Timestamp>,
) -> Option<CodeActionOrCommand> {
    use crate::lints::fix::{Which, fix};
    let settings = &document.settings;
    let fixed = fix(&examined.analysis.hunt, &settings.config, &settings.selection, now, Which::Safe);
    let text = fixed.texts.first().filter(|_| fixed.count > 0)?;
    Some(CodeActionOrCommand::CodeAction(CodeAction {
        title: "repair all that keeps the meaning".to_owned(),
        kind: Some(CodeActionKind::SOURCE_FIX_ALL),
        edit: Some(edit(uri, changes(document, text))),
        ..CodeAction::default()
    }))
}

/// The names of token types, by number.
pub fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend {
        token_types: Class::ALL.into_iter().map(|class| SemanticTokenType::new(class.name())).collect(),
        token_modifiers: vec![SemanticTokenModifier::DEFINITION],
    }
}

/// Returns the classes of all tokens that touch a range, each relative to the one before.
pub fn semantic_tokens(document: &mut Document, within: Option<Range>) -> Vec<SemanticToken> {
    let examined = document.examine();
    let (from, to) = within.map_or((0, document.text.len()), |range| document.bytes(range));
    let mut tokens = Vec::new();
    let mut last = Position::default();
    for piece in classes::classes(&examined.analysis, 0) {
        if (piece.end as usize) < from || piece.start as usize > to {
            continue;
        }
        let range = document.range(piece.start as usize..piece.end as usize);
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
