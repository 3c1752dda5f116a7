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

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, CompletionOptions,
    CompletionParams, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DocumentFormattingParams, DocumentHighlightParams, DocumentRangeFormattingParams, DocumentSymbolParams,
    FoldingRangeParams, FoldingRangeProviderCapability, GotoDefinitionParams, HoverParams,
    HoverProviderCapability, InitializeResult, OneOf, PositionEncodingKind, PublishDiagnosticsParams,
    ReferenceParams, RenameOptions, RenameParams, SemanticTokens, SemanticTokensFullOptions,
    SemanticTokensOptions, SemanticTokensParams, SemanticTokensRangeParams, ServerCapabilities, ServerInfo,
    TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind, Uri,
    WorkDoneProgressOptions,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Surroundings, answers,
    checker::{self, Job, Queue},
    documents::{Document, Documents, Examined},
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
        documents: HashMap::new(),
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
    /// When a changed text is to be examined.
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
                let document = self.document(&at.text_document.uri)?;
                value(answers::hover(document, at.position))
            }
            "textDocument/completion" => self.completion(read(params)?),
            "textDocument/definition" => {
                let GotoDefinitionParams { text_document_position_params: at, .. } = read(params)?;
                let document = self.document(&at.text_document.uri)?;
                value(answers::definition(&at.text_document.uri, document, at.position))
            }
            "textDocument/references" => {
                let ReferenceParams { text_document_position: at, context, .. } = read(params)?;
                let document = self.document(&at.text_document.uri)?;
                let uri = &at.text_document.uri;
                value(answers::references(uri, document, at.position, context.include_declaration))
            }
            "textDocument/documentHighlight" => {
                let DocumentHighlightParams { text_document_position_params: at, .. } = read(params)?;
                let document = self.document(&at.text_document.uri)?;
                value(answers::highlights(document, at.position))
            }
            "textDocument/prepareRename" => {
                let at: TextDocumentPositionParams = read(params)?;
                let document = self.document(&at.text_document.uri)?;
                answers::prepare_rename(document, at.position).map_err(refused).and_then(value)
            }
            "textDocument/rename" => {
                let RenameParams { text_document_position: at, new_name, .. } = read(params)?;
                let document = self.document(&at.text_document.uri)?;
                answers::rename(&at.text_document.uri, document, at.position, &new_name)
                    .map_err(refused)
                    .and_then(value)
            }
            "textDocument/documentSymbol" => {
                let params: DocumentSymbolParams = read(params)?;
                value(answers::outline(self.document(&params.text_document.uri)?))
            }
            "textDocument/foldingRange" => {
                let params: FoldingRangeParams = read(params)?;
                value(answers::folding(self.document(&params.text_document.uri)?))
            }
            "textDocument/formatting" => {
                let params: DocumentFormattingParams = read(params)?;
                value(answers::format(self.document(&params.text_document.uri)?))
            }
            "textDocument/rangeFormatting" => {
                let params: DocumentRangeFormattingParams = read(params)?;
                value(answers::format_range(self.document(&params.text_document.uri)?, params.range))
            }
            "textDocument/codeAction" => self.code_actions(read(params)?),
            "textDocument/semanticTokens/full" => {
                let params: SemanticTokensParams = read(params)?;
                let data = answers::semantic_tokens(self.document(&params.text_document.uri)?, None);
                value(SemanticTokens { result_id: None, data })
            }
            "textDocument/semanticTokens/range" => {
                let params: SemanticTokensRangeParams = read(params)?;
                let document = self.document(&params.text_document.uri)?;
                let data = answers::semantic_tokens(document, Some(params.range));
                value(SemanticTokens { result_id: None, data })
            }
            _ => Err(Wrong(ErrorCode::MethodNotFound, format!("no method `{}`", short(&method)))),
        }
    }

    fn document(&mut self, uri: &Uri) -> Result<&mut Document, Wrong> {
        self.documents.get_mut(uri.as_str()).ok_or_else(|| {
            Wrong(ErrorCode::InvalidParams, format!("the text `{}` is not open", short(uri.as_str())))
        })
    }

    fn completion(&mut self, params: CompletionParams) -> Result<Value, Wrong> {
        let at = params.text_document_position;
        let now = self.surroundings.now().map(|now| now.to_string());
        // Seconds are enough.
        let now =
            now.map(|now| now.split_once('.').map_or(now.clone(), |(seconds, _)| format!("{seconds}Z")));
        let path = path(&at.text_document.uri);
        let Some(document) = self.documents.get_mut(at.text_document.uri.as_str()) else {
            return self.document(&at.text_document.uri).map(|_| Value::Null);
        };
        let settings = Arc::clone(&document.settings);
        let surroundings = complete::Surroundings {
            sources: &settings.sources,
            analytics: &settings.analytics,
            files: &|typed| self.surroundings.files(path.as_deref(), typed),
            now: now.as_deref(),
        };
        value(answers::completion(document, at.position, &surroundings))
    }

    fn code_actions(&mut self, params: CodeActionParams) -> Result<Value, Wrong> {
        let uri = params.text_document.uri;
        let now = self.surroundings.now();
        let document = self.document(&uri)?;
        let wants = |kind: &CodeActionKind| {
            params
                .context
                .only
                .as_ref()
                .is_none_or(|only| only.iter().any(|wanted| kind.as_str().starts_with(wanted.as_str())))
        };
        let examined = match &document.examined {
            Some(examined) if examined.version == document.version && examined.findings.is_some() => {
                Arc::clone(examined)
            }
            _ => {
                let job = Job {
                    uri: uri.as_str().to_owned(),
                    version: document.version,
                    text: Arc::clone(&document.text),
                    settings: Arc::clone(&document.settings),
                    now,
                };
                match checker::examine(&job, || true) {
                    Some(examined) => Arc::new(examined),
                    None => return value(Vec::<Value>::new()),
                }
            }
        };
        document.examined = Some(Arc::clone(&examined));
        let mut found = Vec::new();
        if wants(&CodeActionKind::QUICKFIX) {
            found.extend(answers::code_actions(&uri, document, &examined, params.range));
        }
        if wants(&CodeActionKind::SOURCE_FIX_ALL) {
            found.extend(answers::fix_all(&uri, document, &examined, now));
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
                    if self.documents.len() >= MAX_DOCUMENTS {
                        let cause = format!("more than {MAX_DOCUMENTS} texts are open");
                        return self.malformed(None, cause);
                    }
                    let settings = self.surroundings.settings(path(&opened.uri).as_deref());
                    if let Some(problem) = &settings.problem {
                        self.notify("window/showMessage", serde_json::json!({"type": 2, "message": problem}));
                    }
                    let document = Document::new(opened.text, opened.version, Arc::new(settings));
                    self.documents.insert(opened.uri.as_str().to_owned(), document);
                    self.due.insert(opened.uri.as_str().to_owned(), Instant::now());
                }
            }
            "textDocument/didChange" => {
                if let Some(params) = self.parameters::<DidChangeTextDocumentParams>(&method, params) {
                    let uri = params.text_document.uri.as_str();
                    if let Some(document) = self.documents.get_mut(uri) {
                        document.change(params.text_document.version, params.content_changes);
                        self.queue.outdate(uri, document.version);
                        self.due.insert(uri.to_owned(), Instant::now() + PAUSE);
                    }
                }
            }
            "textDocument/didClose" => {
                if let Some(params) = self.parameters::<DidCloseTextDocumentParams>(&method, params) {
                    let uri = params.text_document.uri;
                    self.documents.remove(uri.as_str());
                    self.due.remove(uri.as_str());
                    self.queue.forget(uri.as_str());
                    self.publish(uri, None, Vec::new());
                }
            }
            // A configuration may have changed: everything is looked at again.
            "textDocument/didSave"
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

    fn reconfigure(&mut self) {
        for (uri, document) in &mut self.documents {
            let path = uri.parse::<Uri>().ok().and_then(|uri| path(&uri));
            document.settings = Arc::new(self.surroundings.settings(path.as_deref()));
            document.examined = None;
            self.due.insert(uri.clone(), Instant::now());
        }
    }

    // ------------------------------------------------------------ examining

    /// Has texts examined whose pause is over.
    fn start_due(&mut self) {
        let now = Instant::now();
        let ready: Vec<String> =
            self.due.iter().filter(|(_, due)| **due <= now).map(|(uri, _)| uri.clone()).collect();
        for uri in ready {
            self.due.remove(&uri);
            if let Some(document) = self.documents.get(&uri) {
                self.queue.push(Job {
                    version: document.version,
                    text: Arc::clone(&document.text),
                    settings: Arc::clone(&document.settings),
                    now: self.surroundings.now(),
                    uri,
                });
            }
        }
    }

    fn examined(&mut self, uri: &str, examined: Arc<Examined>) {
        let Some(document) =
            self.documents.get_mut(uri).filter(|document| document.version == examined.version)
        else {
            return;
        };
        document.examined = Some(Arc::clone(&examined));
        if let Ok(uri) = uri.parse::<Uri>() {
            let diagnostics = answers::diagnostics(&uri, &examined);
            self.publish(uri, Some(examined.version), diagnostics);
        }
    }

    fn publish(&self, uri: Uri, version: Option<i32>, diagnostics: Vec<lsp_types::Diagnostic>) {
        let params = PublishDiagnosticsParams { uri, diagnostics, version };
        self.notify("textDocument/publishDiagnostics", params);
    }
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
