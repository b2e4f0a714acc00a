// What the tests do in Thunderbird, through the interfaces that its own windows use.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");

const main = Services.wm.getMostRecentWindow("mail:3pane");
const account = () => MailServices.accounts.accounts.find(one => one.incomingServer.type == "imap");
const root = () => account().incomingServer.rootFolder;
const sleep = ms => new Promise(done => main.setTimeout(done, ms));

async function until(what, condition, limit = 20000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`timed out: ${what}`);
    }
    await sleep(50);
  }
}

function urlListener() {
  let listener;
  const finished = new Promise((resolve, reject) => {
    listener = {
      OnStartRunningUrl() {},
      OnStopRunningUrl(url, status) {
        Components.isSuccessCode(status) ? resolve() : reject(new Error(`url failed: 0x${status.toString(16)}`));
      },
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
    };
  });
  return [listener, finished];
}

function copyListener() {
  let listener;
  const finished = new Promise((resolve, reject) => {
    listener = {
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId() {},
      onStopCopy(status) {
        Components.isSuccessCode(status) ? resolve() : reject(new Error(`copy failed: 0x${status.toString(16)}`));
      },
      QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
    };
  });
  return [listener, finished];
}

async function storePasswords(login, password, host) {
  for (const origin of [`imap://${host}`, `smtp://${host}`]) {
    const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    info.init(origin, null, origin, login, password, "", "");
    await Services.logins.addLoginAsync(info);
  }
}

function folderNamed(path) {
  let folder = root();
  for (const name of path.split("/")) {
    folder = folder && folder.subFolders.find(one => one.name == name || (name == "INBOX" && one.isSpecialFolder(0x1000, false)));
  }
  return folder;
}

// Starts it only: a listener is never told when Thunderbird is already at it. The tests wait for what they expect.
function update(path) {
  folderNamed(path).updateFolder(main.msgWindow);
}

async function connect() {
  const [listener, finished] = urlListener();
  root().server.getNewMessages(folderNamed("INBOX"), main.msgWindow, listener);
  await finished;
  await until("the trash in the folder list", () => folderNamed("Trash"));
}

function folders() {
  return root().descendants.map(folder => [folder.URI, folder.name, folder.flags]);
}

const SPECIAL = { Trash: 0x100, Sent: 0x200, Drafts: 0x400, Archive: 0x4000, Junk: 0x40000000 };
function specialFolders() {
  return Object.fromEntries(
    Object.entries(SPECIAL).map(([use, flag]) => [use, root().getFolderWithFlags(flag)?.name ?? null])
  );
}

function list(path) {
  return [...folderNamed(path).messages].map(header => ({
    key: header.messageKey,
    subject: header.mime2DecodedSubject,
    author: header.mime2DecodedAuthor,
    read: header.isRead,
    flagged: header.isFlagged,
    keywords: header.getStringProperty("keywords"),
    size: header.messageSize,
  }));
}

function header(path, subject) {
  const found = [...folderNamed(path).messages].find(one => one.mime2DecodedSubject.includes(subject));
  if (!found) {
    throw new Error(`no ${subject} in ${path}`);
  }
  return found;
}

async function source(path, subject) {
  const folder = folderNamed(path);
  const uri = folder.getUriForMsg(header(path, subject));
  const service = MailServices.messageServiceFromURI(uri);
  return new Promise((resolve, reject) => {
    let bytes = "";
    const listener = {
      onStartRequest() {},
      onDataAvailable(request, stream, offset, count) {
        const input = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
        input.setInputStream(stream);
        bytes += input.readBytes(count);
      },
      onStopRequest(request, status) {
        Components.isSuccessCode(status) ? resolve(btoa(bytes)) : reject(new Error(`stream: 0x${status.toString(16)}`));
      },
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
    };
    service.streamMessage(uri, listener, main.msgWindow, null, false, "");
  });
}

async function mark(path, subject) {
  const folder = folderNamed(path);
  const headers = [header(path, subject)];
  folder.markMessagesRead(headers, true);
  folder.markMessagesFlagged(headers, true);
  folder.addKeywordsToMessages(headers, "$label1");
}

async function unmark(path, subject) {
  const folder = folderNamed(path);
  const headers = [header(path, subject)];
  folder.markMessagesRead(headers, false);
  folder.markMessagesFlagged(headers, false);
  folder.removeKeywordsFromMessages(headers, "$label1");
}

async function createFolder(parent, name) {
  const folder = parent ? folderNamed(parent) : root();
  folder.createSubfolder(name, main.msgWindow);
  await until(`folder ${name}`, () => folder.subFolders.find(one => one.name == name));
}

async function renameFolder(path, name) {
  const folder = folderNamed(path);
  const parent = folder.parent;
  folder.rename(name, main.msgWindow);
  await until(`folder ${name}`, () => parent.subFolders.find(one => one.name == name));
}

async function move(from, subject, to, isMove = true) {
  const [listener, finished] = copyListener();
  MailServices.copy.copyMessages(
    folderNamed(from), [header(from, subject)], folderNamed(to), isMove, listener, main.msgWindow, false
  );
  await finished;
}

async function remove(path, subject) {
  const [listener, finished] = copyListener();
  folderNamed(path).deleteMessages([header(path, subject)], main.msgWindow, false, true, listener, false);
  await finished;
}

async function search(path, text) {
  const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
  const term = session.createTerm();
  term.attrib = Ci.nsMsgSearchAttrib.Body;
  term.op = Ci.nsMsgSearchOp.Contains;
  const value = term.value;
  value.attrib = term.attrib;
  value.str = text;
  term.value = value;
  term.booleanAnd = true;
  session.appendTerm(term);
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folderNamed(path));
  const hits = [];
  await new Promise((resolve, reject) => {
    session.registerListener({
      onSearchHit: hit => hits.push(hit.mime2DecodedSubject),
      onSearchDone: status => (Components.isSuccessCode(status) ? resolve() : reject(new Error(`search: ${status}`))),
      onNewSearch() {},
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
    });
    session.search(main.msgWindow);
  });
  return hits;
}

async function send(to, subject, text) {
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  const identity = account().defaultIdentity;
  fields.from = MailServices.headerParser.makeMimeHeader([{ name: identity.fullName, email: identity.email }]);
  fields.to = to;
  fields.subject = subject;
  const message = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
  await new Promise((resolve, reject) => {
    const listener = {
      onStartSending() {},
      onProgress() {},
      onSendProgress() {},
      onStatus() {},
      onGetDraftFolderURI() {},
      onSendNotPerformed: () => reject(new Error("not sent")),
      onTransportSecurityError: (id, status) => reject(new Error(`security: ${status}`)),
      onStopSending(id, status, text) {
        Components.isSuccessCode(status) ? 0 : reject(new Error(`send: 0x${status.toString(16)} ${text}`));
      },
      // The copy in Sent is stored after the message has been sent.
      onStopCopy(status) {
        Components.isSuccessCode(status) ? resolve() : reject(new Error(`copy to Sent: 0x${status.toString(16)}`));
      },
      onStartCopy() {},
      setMessageKey() {},
      getMessageId() {},
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
    };
    message
      .createAndSendMessage(
        null, identity, account().key, fields, false, false, Ci.nsIMsgSend.nsMsgDeliverNow, null, "text/plain",
        text, null, null, listener, "", "", Ci.nsIMsgCompType.New
      )
      .catch(reject);
  });
}

async function arrival(path, subject) {
  return until(`arrival of ${subject}`, () => list(path).some(one => one.subject.includes(subject)));
}

function quota(path) {
  return folderNamed(path)
    .QueryInterface(Ci.nsIMsgImapMailFolder)
    .getQuota()
    .map(one => [one.name, Number(one.usage), Number(one.limit)]);
}

// Shows the folder and a message in the main window, and gives what the user can read there.
async function show(path, subject) {
  const pane = await until("the main window", () => main.gTabmail?.currentAbout3Pane);
  pane.displayFolder(folderNamed(path).URI);
  await until("the message list", () => pane.gDBView?.rowCount);
  pane.selectMessage(header(path, subject));
  const browser = await until("the message", () => {
    const inner = pane.messageBrowser?.contentWindow;
    const shown = inner?.getMessagePaneBrowser?.();
    return shown?.contentDocument?.body?.textContent.trim() ? shown : null;
  });
  const label = main.document.getElementById("quotaLabel");
  await until("the quota in the status bar", () => !main.document.getElementById("quotaPanel").hidden && label.value);
  return {
    text: browser.contentDocument.body.textContent,
    rows: pane.gDBView.rowCount,
    quota: label.value,
  };
}

// The company's address book, as the settings of an LDAP directory would make it.
async function addDirectory(host, port, base, login, password) {
  const url = `ldaps://${host}:${port}/${base}??sub?(objectclass=*)`;
  const id = MailServices.ab.newAddressBook("Company", url, Ci.nsIAbManager.LDAP_DIRECTORY_TYPE);
  const book = MailServices.ab.getDirectoryFromId(id).QueryInterface(Ci.nsIAbLDAPDirectory);
  book.authDn = login;
  const { prePath, spec } = book.lDAPURL;
  const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  info.init(prePath, null, spec, "", password, "", "");
  await Services.logins.addLoginAsync(info);
  Services.prefs.setBoolPref("ldap_2.autoComplete.useDirectory", true);
  Services.prefs.setCharPref("ldap_2.autoComplete.directoryServer", id);
}

// What is offered below the recipients of a new message.
async function completed(text) {
  const search = Cc["@mozilla.org/autocomplete/search;1?name=ldap"].createInstance(Ci.nsIAutoCompleteSearch);
  const result = await new Promise(done => {
    search.startSearch(text, JSON.stringify({ type: "addr_to" }), null, { onSearchResult: (_, found) => done(found) });
  });
  return Array.from({ length: result.matchCount }, (_, at) => result.getValueAt(at));
}
