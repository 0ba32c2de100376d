// Opens reports in headless Chromium and uses them: node checks/report_page.mjs [--shots DIR] PAGE.html …
//
// A page passes where the browser has nothing to complain about, asks for nothing but the file itself, and
// answers: columns sort, the filter filters, a mark that has the focus shows its details, arrow keys move on,
// what belongs to one layer lights up together, and everything can be read with scripts turned off, at 200 %
// and on paper. `npm ci` in this folder installs playwright-core; the browser is Debian's (`apt-get install
// chromium`), or the one that CHROMIUM names. --shots leaves pictures of each page.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const OPTIONS = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
};

/** A fresh window on a file, and everything that went wrong in it. */
async function open(browser, file, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const trouble = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) trouble.push(message.text());
  });
  page.on("pageerror", (error) => trouble.push(error.message));
  const own = pathToFileURL(resolve(file)).href;
  page.on("request", (request) => {
    if (request.url() !== own) trouble.push(`a request for ${request.url()}`);
  });
  await page.goto(own);
  return { context, page, trouble };
}

const text = (locator) => locator.evaluate((element) => element.textContent);
const numbers = (list) => list.map((cell) => Number(cell.replaceAll(",", "")));
const isSorted = (list) => list.every((value, at) => at === 0 || list[at - 1] >= value);

/** The cells of a column of the layers. */
const column = (run, at) =>
  run.locator(`table.layers tbody tr td:nth-child(${at})`).allTextContents();

async function tables(run) {
  const head = run.locator("table.layers thead th", { hasText: /^cycles/ });
  const before = await column(run, 7);
  await head.locator("button").click();
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  assert.ok(isSorted(numbers(await column(run, 7))), "cycles do not descend");
  await head.locator("button").press("Enter");
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  assert.ok(isSorted(numbers(await column(run, 7)).reverse()), "cycles do not ascend");
  await head.locator("button").click();
  assert.deepEqual(await column(run, 7), before, "the third turn is the order of execution");

  const filter = run.locator(".tools input").last();
  const word = (await column(run, 3))[0].split("+")[0];
  await filter.fill(word);
  const shown = await run.locator("table.layers tbody tr:visible").allTextContents();
  assert.ok(shown.length > 0 && shown.every((row) => row.includes(word)), "the filter lets others through");
  await filter.fill("no layer has this name");
  assert.equal(await run.locator("table.layers tbody tr:visible").count(), 0);
  assert.match(await text(run.locator(".tools output").last()), /^0 of \d+/);
  await filter.fill("");
}

async function columns(run) {
  const svg = run.locator('svg[data-role="sort"]').first();
  if ((await svg.count()) === 0) return;
  const heights = () =>
    svg.locator(".columns > g").evaluateAll((all) =>
      all.map((one) => ({ x: one.transform.baseVal[0].matrix.e, v: Number(one.dataset.v) }))
        .sort((a, b) => a.x - b.x).map((one) => one.v));
  await run.getByRole("button", { name: "Most cycles first" }).click();
  assert.ok(isSorted(await heights()), "columns do not descend");
  await run.getByRole("button", { name: "Order of execution" }).click();
}

async function keyboard(page, run) {
  // Scrolling under a resting pointer is a hover too.
  await page.mouse.move(0, 0);
  const marks = run.locator("svg.fig .m");
  assert.ok((await marks.count()) > 0, "nothing to focus");
  assert.equal(await run.locator("svg.fig .m title").count(), 0);
  for (const svg of await run.locator("svg.fig:has(.m)").all()) {
    assert.equal(await svg.locator('.m[tabindex="0"]').count(), 1, "a picture has one stop of the Tab key");
  }
  const buffers = run.locator("svg.fig:has(.buffer)").first();
  const first = buffers.locator(".m").first();
  await first.focus();
  const tip = page.locator("body > .tip");
  assert.ok(await tip.isVisible(), "focus shows no details");
  const before = await text(tip);
  assert.match(before, /bytes/);
  if ((await buffers.locator(".m").count()) > 1) {
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await text(tip), before, "an arrow key does not move on");
  }
  await page.keyboard.press("End");
  await page.keyboard.press("Escape");
  assert.ok(!(await tip.isVisible()), "Escape leaves the details");
  // The second stop of the Tab key is another picture or control, not another mark.
  const column = run.locator(".columns .m").first();
  if ((await column.count()) > 0) {
    await column.focus();
    const step = (await column.getAttribute("data-s")).split(" ")[0];
    const row = run.locator(`table.layers tbody tr[data-s="${step}"]`);
    assert.ok(await row.evaluate((one) => one.classList.contains("linked")), "the layer's row is not linked");
    assert.ok(await tip.isVisible());
    await page.keyboard.press("Escape");
  }
  await page.mouse.move(0, 0);
}

async function pointer(page, run) {
  const mark = run.locator(".columns .m").first();
  if ((await mark.count()) === 0) return;
  await mark.scrollIntoViewIfNeeded();
  const box = await mark.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  assert.ok(await page.locator("body > .tip").isVisible(), "the pointer shows no details");
  const tip = await page.locator("body > .tip").boundingBox();
  assert.ok(tip.x >= 0 && tip.x + tip.width <= 1280, "details leave the window");
  await page.mouse.move(0, 0);
}

/** Pictures grow in their frame, and the page stays as wide as it is. */
async function zoom(page, run) {
  const svg = run.locator('svg[data-role="zoom"]').first();
  const width = () => svg.evaluate((one) => one.getBoundingClientRect().width);
  const before = await width();
  await run.getByRole("button", { name: /^Larger/ }).first().click();
  assert.ok((await width()) > before * 1.9, "the picture does not grow");
  const wider = await page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.ok(!wider, "the page grows with the picture");
  await run.getByRole("button", { name: /^Smaller/ }).first().click();
  assert.equal(await width(), before);
}

/** A body that is swapped in is attached once more, and keeps nothing of the old one. */
async function swap(page) {
  await page.evaluate(() => {
    const old = document.querySelector(".run:has(table.layers)");
    const fresh = document.createElement("div");
    fresh.innerHTML = old.outerHTML;
    delete fresh.firstElementChild.dataset.attached;
    for (const bar of fresh.querySelectorAll(".tools")) bar.remove();
    old.replaceWith(fresh);
    cofit.attach(fresh);
  });
  const run = page.locator(".run:has(table.layers)").first();
  assert.equal(await run.getAttribute("data-attached"), "1");
  assert.ok((await run.locator(".tools input").count()) >= 1);
}

async function check(browser, file, shots) {
  const { context, page, trouble } = await open(browser, file);
  const runs = page.locator(".run:has(table.layers)");
  assert.ok((await runs.count()) > 0, "no run on the page");
  for (const run of await runs.all()) {
    for (const heading of ["Verdict", "How it is known", "Layers", "Assumptions"]) {
      assert.equal(await run.getByRole("heading", { name: heading, exact: true }).count(), 1, heading);
    }
    await tables(run);
    await columns(run);
    await keyboard(page, run);
    await pointer(page, run);
    await zoom(page, run);
  }
  // Every name of an element is its own, and every link leads to one.
  const lost = await page.evaluate(() => {
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
    const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
    const links = [...document.querySelectorAll('a[href^="#"]')].map((one) => one.hash.slice(1));
    return [...twice, ...links.filter((id) => !ids.includes(id))];
  });
  assert.deepEqual(lost, [], "ids twice or links to nowhere");
  await swap(page);
  assert.deepEqual(trouble, [], "the browser complains");
  await context.close();

  const name = basename(file, ".html");
  const shot = async (page, mode) => {
    if (shots) await page.screenshot({ path: join(shots, `${name}-${mode}.png`), fullPage: true });
  };
  const overflow = (page) =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  // Twice the size leaves half the width.
  const ways = {
    light: { colorScheme: "light" },
    dark: { colorScheme: "dark" },
    zoom: { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 },
    plain: { javaScriptEnabled: false },
  };
  for (const [mode, options] of Object.entries(ways)) {
    const seen = await open(browser, file, options);
    assert.ok((await overflow(seen.page)) <= 0, `${mode}: the page is wider than the window`);
    if (mode === "plain") {
      assert.ok((await seen.page.locator("table.layers tbody tr:visible").count()) > 0);
      assert.ok((await seen.page.locator("svg.fig .m title").count()) > 0, "no tooltips without scripts");
    }
    if (mode === "light") {
      await shot(seen.page, "light");
      await seen.page.emulateMedia({ media: "print" });
      assert.ok(!(await seen.page.locator("nav").first().isVisible()), "the menu is printed");
      await shot(seen.page, "print");
    } else {
      await shot(seen.page, mode);
    }
    assert.deepEqual(seen.trouble, [], `${mode}: the browser complains`);
    await seen.context.close();
  }
}

const files = process.argv.slice(2);
let shots = null;
if (files[0] === "--shots") {
  shots = files[1];
  mkdirSync(shots, { recursive: true });
  files.splice(0, 2);
}
assert.ok(files.length > 0, "give pages to open");
const browser = await chromium.launch(OPTIONS);
let failures = 0;
for (const file of files) {
  try {
    await check(browser, file, shots);
    console.log(`${file}: good`);
  } catch (error) {
    failures += 1;
    console.log(`${file}: ${error.message}`);
  }
}
await browser.close();
process.exitCode = failures === 0 ? 0 : 1;
