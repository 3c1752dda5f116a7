// Starts `kestrelc lsp` for huntflows and hands it to the editor's language client.
"use strict";

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

function start() {
  const settings = vscode.workspace.getConfiguration("kestrel.server");
  const command = settings.get("path", "kestrelc");
  const server = { command, args: ["lsp", ...settings.get("arguments", [])], transport: TransportKind.stdio };
  client = new LanguageClient("kestrel", "Kestrel", server, {
    documentSelector: [{ language: "kestrel" }],
    // A change of the configuration changes what is found.
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/kestrel.toml") },
  });
  return client.start().catch((cause) => {
    vscode.window.showErrorMessage(
      `Kestrel: ${command} cannot be started (${cause.message}). Install it with \`pip install kestrelc\`, or set kestrel.server.path.`,
    );
  });
}

async function stop() {
  if (client) await client.stop().catch(() => {});
  client = undefined;
}

exports.activate = (context) => {
  const restart = vscode.commands.registerCommand("kestrel.restart", async () => {
    await stop();
    await start();
  });
  const changed = vscode.workspace.onDidChangeConfiguration(async (event) => {
    if (event.affectsConfiguration("kestrel.server")) {
      await stop();
      await start();
    }
  });
  context.subscriptions.push(restart, changed);
  return start();
};

exports.deactivate = stop;
