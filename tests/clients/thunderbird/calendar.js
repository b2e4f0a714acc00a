// Calendars and address books, through the interfaces that Thunderbird's own windows use.
const { cal } = ChromeUtils.importESModule("resource:///modules/calendar/calUtils.sys.mjs");
const { CalEvent } = ChromeUtils.importESModule("resource:///modules/CalEvent.sys.mjs");
const { CalTodo } = ChromeUtils.importESModule("resource:///modules/CalTodo.sys.mjs");
const { CardDAVUtils } = ChromeUtils.importESModule("resource:///modules/CardDAVUtils.sys.mjs");
const { CardDAVDirectory } = ChromeUtils.importESModule("resource:///modules/CardDAVDirectory.sys.mjs");
const { VCardUtils } = ChromeUtils.importESModule("resource:///modules/VCardUtils.sys.mjs");

// As the tick "use password manager" of the window that asks for it does.
async function storeWebPassword(login, password, origin) {
  const info = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  info.init(origin, null, "Optimails", login, password, "", "");
  await Services.logins.addLoginAsync(info);
}

// What "New Calendar, On the Network" does with a name, a password and the server's address.
async function findCalendars(login, password, url) {
  const found = await cal.provider.detection.detect(login, password, url, true, [], {});
  const listed = [];
  for (const [provider, calendars] of found) {
    for (const one of calendars) {
      one.setProperty("cache.enabled", true);
      cal.manager.registerCalendar(one);
      listed.push([provider.type, one.name, one.readOnly]);
    }
  }
  return listed.sort();
}

const calendarNamed = name => cal.manager.getCalendars().find(one => one.type == "caldav" && one.name == name);

// What is in it, recurrences one by one: title and start.
async function agenda(name, from, to) {
  const filter = Ci.calICalendar.ITEM_FILTER_ALL_ITEMS | Ci.calICalendar.ITEM_FILTER_CLASS_OCCURRENCES;
  const items = await calendarNamed(name).getItemsAsArray(filter, 0, cal.createDateTime(from), cal.createDateTime(to));
  return items
    .map(one => [one.title, (one.startDate || one.dueDate || one.entryDate)?.getInTimezone(cal.dtz.UTC).icalString ?? ""])
    .sort();
}

// Asks the server until the agenda shows the title, or no longer does.
async function seesTitle(name, from, to, title, there = true) {
  await until(`${title} in ${name}`, async () => {
    calendarNamed(name).refresh();
    await sleep(200);
    return (await agenda(name, from, to)).some(([one]) => one == title) == there;
  });
}

async function addItem(name, text) {
  const item = text.includes("BEGIN:VTODO") ? new CalTodo(text) : new CalEvent(text);
  return (await calendarNamed(name).addItem(item)).id;
}

async function changeItem(name, id, change) {
  const before = await calendarNamed(name).getItem(id);
  const after = before.clone();
  change(after);
  await calendarNamed(name).modifyItem(after, before);
}

const rename = (name, id, title) => changeItem(name, id, item => (item.title = title));
const complete = (name, id) => changeItem(name, id, item => (item.isCompleted = true));
const cancelOccurrence = (name, id, when) =>
  changeItem(name, id, item => item.recurrenceInfo.removeOccurrenceAt(cal.createDateTime(when)));
const renameOccurrence = (name, id, when, title) =>
  changeItem(name, id, item => {
    const occurrence = item.recurrenceInfo.getOccurrenceFor(cal.createDateTime(when)).clone();
    occurrence.title = title;
    item.recurrenceInfo.modifyException(occurrence, true);
  });

async function removeItem(name, id) {
  await calendarNamed(name).deleteItem(await calendarNamed(name).getItem(id));
}

// Whether the user may write there, and what comes of it when something writes nevertheless.
async function tryToWrite(name, text) {
  const calendar = calendarNamed(name);
  const before = calendar.readOnly;
  try {
    await calendar.addItem(new CalEvent(text));
    return [before, "written"];
  } catch (error) {
    return [before, "refused"];
  }
}

// What "Add CardDAV Address Book" does.
async function findBooks(login, password, url) {
  const books = await CardDAVUtils.detectAddressBooks(login, password, url, false, true);
  for (const book of books) {
    const directory = await book.create();
    await CardDAVDirectory.forFile(directory.fileName).fetchAllFromServer();
  }
  return books.map(one => one.name).sort();
}

const bookNamed = name => MailServices.ab.directories.find(one => one.dirName == name);

async function cards(name) {
  await CardDAVDirectory.forFile(bookNamed(name).fileName).syncWithServer();
  return bookNamed(name).childCards.map(one => [one.displayName, one.primaryEmail]).sort();
}

const bookIsReadOnly = name => bookNamed(name).readOnly;

function addCard(name, text) {
  return bookNamed(name).addCard(VCardUtils.vCardToAbCard(text)).UID;
}

function changeCard(name, uid, email) {
  const book = bookNamed(name);
  const card = book.childCards.find(one => one.UID == uid);
  card.vCardProperties.getFirstEntry("email").value = email;
  book.modifyCard(card);
}

function removeCard(name, uid) {
  const book = bookNamed(name);
  book.deleteCards(book.childCards.filter(one => one.UID == uid));
}
