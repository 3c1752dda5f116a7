//! The loop: takes messages as they come, answers requests at once, and has changed texts examined
//! after a pause in typing.

use std::{
    collections::HashMap,
    io::{BufRead, Write},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use kestrel_stix::Timestamp;
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, CompletionOptions,
    CompletionParams, DidChangeNotebookDocumentParams, DidChangeTextDocumentParams,
    DidCloseNotebookDocumentParams, DidCloseTextDocumentParams, DidOpenNotebookDocumentParams,
    DidOpenTextDocumentParams, DocumentFormattingParams, DocumentHighlightParams,
    DocumentRangeFormattingParams, DocumentSymbolParams, FoldingRangeParams, FoldingRangeProviderCapability,
    GotoDefinitionParams, HoverParams, HoverProviderCapability, InitializeResult, NotebookCell,
    NotebookCellKind, NotebookCellSelector, NotebookDocumentCellChange, NotebookDocumentCellChangeStructure,
    NotebookDocumentSyncOptions, NotebookSelector, OneOf, PositionEncodingKind, PublishDiagnosticsParams,
    ReferenceParams, RenameOptions, RenameParams, SemanticTokens, SemanticTokensFullOptions,
    SemanticTokensOptions, SemanticTokensParams, SemanticTokensRangeParams, ServerCapabilities, ServerInfo,
    TextDocumentContentChangeEvent, TextDocumentItem, TextDocumentPositionParams, TextDocumentSyncCapability,
    TextDocumentSyncKind, Uri, WorkDoneProgressOptions,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Surroundings, answers,
    checker::{self, Job, Queue},
    documents::{Documents, Examined, Here, Language, OpenHunt, OpenText},
    frames::{self, Frame},
};
use crate::editor::complete;

/// How long typing must pause before a text is examined.
const PAUSE: Duration = Duration::from_millis(80);
/// Texts that may be open at once.
const MAX_DOCUMENTS: usize = 4096;

/// What reaches the loop.
enum Event {
    Frame(Frame),
    Examined(String, Arc<Examined>),
}

/// Serves one client until it leaves. Returns true if it left in order: `shutdown`, then `exit`.
pub fn serve(
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
    surroundings: Box<dyn Surroundings>,
    version: &str,
) -> bool {
    let (events, received) = mpsc::channel();
    let from_client = events.clone();
    // Ends with its input, or with the process: a blocked read cannot be woken.
    thread::spawn(move || read_all(input, &from_client));
    let queue = Arc::new(Queue::default());
    let checked = Arc::clone(&queue);
    let checker = thread::spawn(move || {
        checker::run(&checked, |uri, examined| {
            let _ = events.send(Event::Examined(uri, examined));
        });
    });
    let (to_client, messages) = mpsc::channel();
    let writer = thread::spawn(move || write_all(output, &messages));
    let mut server = Server {
        surroundings,
        version: version.to_owned(),
        queue,
        to_client,
        documents: Documents::default(),
        due: HashMap::new(),
        state: State::New,
    };
    let in_order = server.run(&received);
    server.queue.close();
    drop(server);
    let _ = checker.join();
    let _ = writer.join();
    in_order
}

fn read_all(mut input: impl BufRead, events: &Sender<Event>) {
    loop {
        let frame = frames::read(&mut input);
        let last = matches!(frame, Frame::End(_))
            || matches!(&frame, Frame::Message(Message::Notification(note)) if note.method == "exit");
        if events.send(Event::Frame(frame)).is_err() || last {
            return;
        }
    }
}

fn write_all(mut output: impl Write, messages: &Receiver<Message>) {
    for message in messages {
        if frames::write(&mut output, &message).is_err() {
            return;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `initialize` has not come.
    New,
    Running,
    /// `shutdown` has come.
    Stopped,
}

struct Server {
    surroundings: Box<dyn Surroundings>,
    version: String,
    queue: Arc<Queue>,
    to_client: Sender<Message>,
    documents: Documents,
    /// When a changed hunt is to be examined.
    due: HashMap<String, Instant>,
    state: State,
}

impl Server {
    fn run(&mut self, events: &Receiver<Event>) -> bool {
        loop {
            let event = match self.due.values().min() {
                Some(due) => events.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Frame(Frame::Message(Message::Notification(note)))) if note.method == "exit" => {
                    return self.state == State::Stopped;
                }
                Ok(Event::Frame(Frame::Message(message))) => self.message(message),
                Ok(Event::Frame(Frame::Malformed(id, cause))) => self.malformed(id, cause),
                Ok(Event::Frame(Frame::End(cause))) => {
                    if let Some(cause) = cause {
                        self.malformed(None, cause);
                    }
                    return false;
                }
                Ok(Event::Examined(uri, examined)) => self.examined(&uri, examined),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            self.start_due();
        }
    }

    fn send(&self, message: impl Into<Message>) {
        // The writer ends only when the client is gone, which the reader notices.
        let _ = self.to_client.send(message.into());
    }

    fn notify(&self, method: &str, params: impl Serialize) {
        if let Ok(params) = serde_json::to_value(params) {
            self.send(Notification { method: method.to_owned(), params });
        }
    }

    fn malformed(&self, id: Option<RequestId>, cause: String) {
        match id {
            Some(id) => self.send(Response::new_err(id, ErrorCode::InvalidRequest as i32, cause)),
            None => self.notify("window/logMessage", serde_json::json!({"type": 1, "message": cause})),
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Request(request) => {
                let id = request.id.clone();
                let response = match self.request(request) {
                    Ok(value) => Response { id, response_result: Ok(value) },
                    Err(wrong) => Response::new_err(id, wrong.0 as i32, wrong.1),
                };
                self.send(response);
            }
            Message::Notification(note) => self.notification(note),
            // The server asks the client for nothing.
            Message::Response(_) => {}
        }
    }

    // ------------------------------------------------------------ requests

    fn request(&mut self, request: Request) -> Result<Value, Wrong> {
        let Request { method, params, .. } = request;
        match (self.state, method.as_str()) {
            (State::New, "initialize") => {
                self.state = State::Running;
                return value(InitializeResult {
                    capabilities: capabilities(),
                    server_info: Some(ServerInfo {
                        name: "kestrelc".to_owned(),
                        version: Some(self.version.clone()),
                    }),
                });
            }
            (State::New, _) => {
                return Err(Wrong(ErrorCode::ServerNotInitialized, "send `initialize` first".to_owned()));
            }
            (_, "initialize") => {
                return Err(Wrong(ErrorCode::InvalidRequest, "`initialize` was sent twice".to_owned()));
            }
            (State::Stopped, _) => {
                return Err(Wrong(ErrorCode::InvalidRequest, "the server was shut down".to_owned()));
            }
            (State::Running, "shutdown") => {
                self.state = State::Stopped;
                return Ok(Value::Null);
            }
            (State::Running, _) => {}
        }
        match method.as_str() {
            "textDocument/hover" => {
                let HoverParams { text_document_position_params: at, .. } = read(params)?;
                value(answers::hover(&mut self.here(&at.text_document.uri)?, at.position))
            }
            "textDocument/completion" => self.completion(read(params)?),
            "textDocument/definition" => {
                let GotoDefinitionParams { text_document_position_params: at, .. } = read(params)?;
                value(answers::definition(&mut self.here(&at.text_document.uri)?, at.position))
            }
            "textDocument/references" => {
                let ReferenceParams { text_document_position: at, context, .. } = read(params)?;
                let mut here = self.here(&at.text_document.uri)?;
                value(answers::references(&mut here, at.position, context.include_declaration))
            }
            "textDocument/documentHighlight" => {
                let DocumentHighlightParams { text_document_position_params: at, .. } = read(params)?;
                value(answers::highlights(&mut self.here(&at.text_document.uri)?, at.position))
            }
            "textDocument/prepareRename" => {
                let at: TextDocumentPositionParams = read(params)?;
                let mut here = self.here(&at.text_document.uri)?;
                answers::prepare_rename(&mut here, at.position).map_err(refused).and_then(value)
            }
            "textDocument/rename" => {
                let RenameParams { text_document_position: at, new_name, .. } = read(params)?;
                let mut here = self.here(&at.text_document.uri)?;
                answers::rename(&mut here, at.position, &new_name).map_err(refused).and_then(value)
            }
            "textDocument/documentSymbol" => {
                let params: DocumentSymbolParams = read(params)?;
                value(answers::outline(&mut self.here(&params.text_document.uri)?))
            }
            "textDocument/foldingRange" => {
                let params: FoldingRangeParams = read(params)?;
                value(answers::folding(&mut self.here(&params.text_document.uri)?))
            }
            "textDocument/formatting" => {
                let params: DocumentFormattingParams = read(params)?;
                value(answers::format(&self.here(&params.text_document.uri)?))
            }
            "textDocument/rangeFormatting" => {
                let params: DocumentRangeFormattingParams = read(params)?;
                value(answers::format_range(&self.here(&params.text_document.uri)?, params.range))
            }
            "textDocument/codeAction" => self.code_actions(read(params)?),
            "textDocument/semanticTokens/full" => {
                let params: SemanticTokensParams = read(params)?;
                let data = answers::semantic_tokens(&mut self.here(&params.text_document.uri)?, None);
                value(SemanticTokens { result_id: None, data })
            }
            "textDocument/semanticTokens/range" => {
                let params: SemanticTokensRangeParams = read(params)?;
                let mut here = self.here(&params.text_document.uri)?;
                let data = answers::semantic_tokens(&mut here, Some(params.range));
                value(SemanticTokens { result_id: None, data })
            }
            _ => Err(Wrong(ErrorCode::MethodNotFound, format!("no method `{}`", short(&method)))),
        }
    }

    fn here(&mut self, uri: &Uri) -> Result<Here<'_>, Wrong> {
        self.documents.find(uri.as_str()).ok_or_else(|| {
            Wrong(ErrorCode::InvalidParams, format!("the text `{}` is not open", short(uri.as_str())))
        })
    }

    fn completion(&mut self, params: CompletionParams) -> Result<Value, Wrong> {
        let at = params.text_document_position;
        let now = self.surroundings.now().map(|now| now.to_string());
        // Seconds are enough.
        let now =
            now.map(|now| now.split_once('.').map_or(now.clone(), |(seconds, _)| format!("{seconds}Z")));
        let uri = at.text_document.uri.as_str();
        // Files lie beside the notebook; its cells lie nowhere.
        let path = self.documents.owner(uri).and_then(|owner| path(&owner.parse().ok()?));
        let Some(mut here) = self.documents.find(uri) else {
            return self.here(&at.text_document.uri).map(|_| Value::Null);
        };
        if !here.text().is_kestrel() || here.place(at.position).offset < here.text().magic() {
            return Ok(Value::Null);
        }
        let settings = Arc::clone(&here.hunt.settings);
        let surroundings = complete::Surroundings {
            sources: &settings.sources,
            analytics: &settings.analytics,
            files: &|typed| self.surroundings.files(path.as_deref(), typed),
            now: now.as_deref(),
        };
        value(answers::completion(&mut here, at.position, &surroundings))
    }

    fn code_actions(&mut self, params: CodeActionParams) -> Result<Value, Wrong> {
        let now = self.surroundings.now();
        let here = self.here(&params.text_document.uri)?;
        let wants = |kind: &CodeActionKind| {
            params
                .context
                .only
                .as_ref()
                .is_none_or(|only| only.iter().any(|wanted| kind.as_str().starts_with(wanted.as_str())))
        };
        let examined = match &here.hunt.examined {
            Some(examined) if examined.state == here.hunt.state && examined.findings.is_some() => {
                Arc::clone(examined)
            }
            _ => match checker::examine(&job("", here.hunt, now), || true) {
                Some(examined) => Arc::new(examined),
                None => return value(Vec::<Value>::new()),
            },
        };
        here.hunt.examined = Some(Arc::clone(&examined));
        let mut found = Vec::new();
        if wants(&CodeActionKind::QUICKFIX) {
            found.extend(answers::code_actions(&here, &examined, params.range));
        }
        if wants(&CodeActionKind::SOURCE_FIX_ALL) {
            found.extend(answers::fix_all(&here, &examined, now));
        }
        value(found)
    }

    // ------------------------------------------------------------ notifications

    fn notification(&mut self, note: Notification) {
        if self.state != State::Running {
            return;
        }
        let Notification { method, params } = note;
        match method.as_str() {
            "textDocument/didOpen" => {
                if let Some(params) = self.parameters::<DidOpenTextDocumentParams>(&method, params) {
                    let opened = params.text_document;
                    let text =
                        OpenText::new(opened.uri.clone(), opened.text, opened.version, Language::Huntflow);
                    self.open(&opened.uri, vec![text]);
                }
            }
            "textDocument/didChange" => {
                if let Some(params) = self.parameters::<DidChangeTextDocumentParams>(&method, params) {
                    let DidChangeTextDocumentParams { text_document, content_changes } = params;
                    self.change(&text_document.uri, text_document.version, content_changes);
                }
            }
            "textDocument/didClose" => {
                if let Some(params) = self.parameters::<DidCloseTextDocumentParams>(&method, params) {
                    self.close(&params.text_document.uri);
                }
            }
            "notebookDocument/didOpen" => {
                if let Some(params) = self.parameters::<DidOpenNotebookDocumentParams>(&method, params) {
                    let texts = cells(params.notebook_document.cells, params.cell_text_documents);
                    self.open(&params.notebook_document.uri, texts);
                }
            }
            "notebookDocument/didChange" => {
                if let Some(params) = self.parameters::<DidChangeNotebookDocumentParams>(&method, params)
                    && let Some(change) = params.change.cells
                {
                    self.change_notebook(&params.notebook_document.uri, change);
                }
            }
            "notebookDocument/didClose" => {
                if let Some(params) = self.parameters::<DidCloseNotebookDocumentParams>(&method, params) {
                    self.close(&params.notebook_document.uri);
                }
            }
            // A configuration may have changed: everything is looked at again.
            "textDocument/didSave"
            | "notebookDocument/didSave"
            | "workspace/didChangeWatchedFiles"
            | "workspace/didChangeConfiguration" => {
                self.reconfigure();
            }
            _ => {}
        }
    }

    fn parameters<P: DeserializeOwned>(&self, method: &str, params: Value) -> Option<P> {
        match serde_json::from_value(params) {
            Ok(params) => Some(params),
            Err(cause) => {
                self.malformed(None, format!("`{method}` cannot be read: {cause}"));
                None
            }
        }
    }

    fn open(&mut self, address: &Uri, texts: Vec<OpenText>) {
        self.close(address);
        if self.documents.count().saturating_add(texts.len()) > MAX_DOCUMENTS {
            return self.malformed(None, format!("more than {MAX_DOCUMENTS} texts are open"));
        }
        let settings = self.surroundings.settings(path(address).as_deref());
        if let Some(problem) = &settings.problem {
            self.notify("window/showMessage", serde_json::json!({"type": 2, "message": problem}));
        }
        self.documents.open(address.as_str(), OpenHunt::new(texts, Arc::new(settings)));
        self.due.insert(address.as_str().to_owned(), Instant::now());
    }

    fn close(&mut self, address: &Uri) {
        self.due.remove(address.as_str());
        self.queue.forget(address.as_str());
        if let Some(closed) = self.documents.close(address.as_str()) {
            for text in closed.texts {
                self.publish(text.uri, None, Vec::new());
            }
        }
    }

    fn change(&mut self, text: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(address) = self.documents.owner(text.as_str()).map(str::to_owned) else { return };
        if let Some(mut here) = self.documents.find(text.as_str()) {
            here.change(version, changes);
        }
        self.changed(&address, PAUSE);
    }

    /// A hunt has another state: it is examined after a pause.
    fn changed(&mut self, address: &str, pause: Duration) {
        if let Some(hunt) = self.documents.hunts.get(address) {
            self.queue.outdate(address, hunt.state);
            self.due.insert(address.to_owned(), Instant::now() + pause);
        }
    }

    fn change_notebook(&mut self, notebook: &Uri, change: NotebookDocumentCellChange) {
        let NotebookDocumentCellChange { structure, data, text_content } = change;
        let address = notebook.as_str();
        if let Some(structure) = structure {
            let NotebookDocumentCellChangeStructure { array, did_open, .. } = structure;
            let new = cells(array.cells.unwrap_or_default(), did_open.unwrap_or_default());
            if self.documents.count().saturating_add(new.len()) > MAX_DOCUMENTS {
                return self.malformed(None, format!("more than {MAX_DOCUMENTS} texts are open"));
            }
            let gone = self.documents.restructure(address, |texts| {
                let start = usize::try_from(array.start).unwrap_or(usize::MAX).min(texts.len());
                let count = usize::try_from(array.delete_count).unwrap_or(usize::MAX);
                let end = start.saturating_add(count).min(texts.len());
                let mut gone: Vec<OpenText> = texts.splice(start..end, Vec::new()).collect();
                // A cell that moves goes in one place and comes in another, with the text it has.
                let new = new.into_iter().map(|new| match gone.iter().position(|old| old.uri == new.uri) {
                    Some(at) => gone.swap_remove(at),
                    None => new,
                });
                texts.splice(start..start, new.collect::<Vec<_>>());
                gone
            });
            for text in gone {
                self.publish(text.uri, None, Vec::new());
            }
            self.changed(address, PAUSE);
        }
        for cell in data.unwrap_or_default() {
            if let Some(here) = self.documents.find(cell.document.as_str())
                && cell.kind == NotebookCellKind::Markup
            {
                here.hunt.texts[here.block].set_language(Language::Markup);
                here.hunt.state += 1;
                self.changed(address, PAUSE);
            }
        }
        for content in text_content.unwrap_or_default() {
            self.change(&content.document.uri, content.document.version, content.changes);
        }
    }

    fn reconfigure(&mut self) {
        for (uri, hunt) in &mut self.documents.hunts {
            let path = uri.parse::<Uri>().ok().and_then(|uri| path(&uri));
            hunt.settings = Arc::new(self.surroundings.settings(path.as_deref()));
            hunt.examined = None;
            self.due.insert(uri.clone(), Instant::now());
        }
    }

    // ------------------------------------------------------------ examining

    /// Has hunts examined whose pause is over.
    fn start_due(&mut self) {
        let now = Instant::now();
        let ready: Vec<String> =
            self.due.iter().filter(|(_, due)| **due <= now).map(|(uri, _)| uri.clone()).collect();
        for uri in ready {
            self.due.remove(&uri);
            if let Some(hunt) = self.documents.hunts.get(&uri) {
                self.queue.push(job(&uri, hunt, self.surroundings.now()));
            }
        }
    }

    fn examined(&mut self, uri: &str, examined: Arc<Examined>) {
        let hunt = self.documents.hunts.get_mut(uri).filter(|hunt| hunt.state == examined.state);
        let Some(hunt) = hunt else { return };
        hunt.examined = Some(Arc::clone(&examined));
        let lists = answers::diagnostics(hunt, &examined);
        let texts: Vec<(Uri, i32)> = hunt.texts.iter().map(|text| (text.uri.clone(), text.version)).collect();
        for ((uri, version), diagnostics) in texts.into_iter().zip(lists) {
            self.publish(uri, Some(version), diagnostics);
        }
    }

    fn publish(&self, uri: Uri, version: Option<i32>, diagnostics: Vec<lsp_types::Diagnostic>) {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        self.notify("textDocument/publishDiagnostics", params);
    }
}

/// What the checker is to do for a hunt.
fn job(uri: &str, hunt: &OpenHunt, now: Option<Timestamp>) -> Job {
    Job {
        uri: uri.to_owned(),
        state: hunt.state,
        texts: hunt.blocks(),
        settings: Arc::clone(&hunt.settings),
        now,
    }
}

/// The cells of a notebook with their texts. A cell whose text does not come is of another language.
fn cells(cells: Vec<NotebookCell>, texts: Vec<TextDocumentItem>) -> Vec<OpenText> {
    let mut texts: HashMap<String, TextDocumentItem> =
        texts.into_iter().map(|text| (text.uri.as_str().to_owned(), text)).collect();
    let open = |cell: NotebookCell| match texts.remove(cell.document.as_str()) {
        None => OpenText::new(cell.document, String::new(), 0, Language::Markup),
        Some(text) => {
            let language = match (cell.kind, text.language_id.as_str()) {
                (NotebookCellKind::Markup, _) => Language::Markup,
                (NotebookCellKind::Code, "kestrel") => Language::Cell,
                (NotebookCellKind::Code, _) => Language::OtherCell,
            };
            OpenText::new(text.uri, text.text, text.version, language)
        }
    };
    cells.into_iter().map(open).collect()
}

/// Why a request has no answer.
struct Wrong(ErrorCode, String);

fn read<P: DeserializeOwned>(params: Value) -> Result<P, Wrong> {
    serde_json::from_value(params).map_err(|cause| Wrong(ErrorCode::InvalidParams, cause.to_string()))
}

fn value(answer: impl Serialize) -> Result<Value, Wrong> {
    serde_json::to_value(answer).map_err(|cause| Wrong(ErrorCode::InternalError, cause.to_string()))
}

fn refused(refused: crate::editor::rename::Refused) -> Wrong {
    Wrong(ErrorCode::RequestFailed, refused.to_string())
}

/// The start of a text that a client chose.
fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The path of a file's address; none for other addresses.
fn path(uri: &Uri) -> Option<String> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let path = rest.get(rest.find('/')?..)?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut at = path.bytes();
    while let Some(byte) = at.next() {
        let decoded = match byte {
            b'%' => {
                let digits = [at.next()?, at.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        };
        bytes.push(decoded);
    }
    let path = String::from_utf8(bytes).ok()?;
    // `/C:/hunts/a.hf`
    let drive =
        path.as_bytes().get(2) == Some(&b':') && path.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
    Some(if drive { path.get(1..)?.to_owned() } else { path })
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        // Cells whose language is Kestrel, and those of Python notebooks, which `%%kestrel` may mark.
        notebook_document_sync: Some(OneOf::Left(NotebookDocumentSyncOptions {
            notebook_selector: vec![NotebookSelector::ByCells {
                notebook: None,
                cells: ["kestrel", "python"]
                    .map(|language| NotebookCellSelector { language: language.to_owned() })
                    .to_vec(),
            }],
            save: Some(true),
        })),
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::INCREMENTAL)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", ":", "/", " ", ",", "("].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_range_formatting_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        semantic_tokens_provider: Some(
            SemanticTokensOptions {
                legend: answers::legend(),
                range: Some(true),
                full: Some(SemanticTokensFullOptions::Bool(true)),
                ..SemanticTokensOptions::default()
            }
            .into(),
        ),
        ..ServerCapabilities::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_addresses() {
        let show = |text: &str| path(&text.parse().unwrap());
        assert_eq!(show("file:///a/b%20c.hf").as_deref(), Some("/a/b c.hf"));
        assert_eq!(show("file:///c%3A/hunts/a.hf").as_deref(), Some("c:/hunts/a.hf"));
        assert_eq!(show("untitled:Untitled-1"), None);
    }
}
