// One server for the file, one world for each test: tests may run at the same time.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { startMock } from "./mock.mjs";

const PLANS = "/api/marketplace-plans/";

let mock;
before(async () => {
  mock = await startMock();
});
after(() => mock?.stop());

describe("one test after the other", () => {
  let session;
  beforeEach(async () => {
    session = await mock.session();
  });
  afterEach(() => session.drop());

  it("shows plans to those who may see them", async () => {
    assert.equal((await session.fetch(PLANS)).status, 200);
    assert.equal((await session.fetch(PLANS, { persona: "" })).status, 401);
    assert.deepEqual(await (await session.fetch(PLANS, { persona: "stranger" })).json(), []);
  });

  it("makes a plan, and takes it back", async () => {
    const plans = async () => (await session.fetch(`${PLANS}?page_size=300`)).json();
    const known = await plans();
    const json = { name: "Gold", offering: known[0].offering };
    const made = await session.fetch(PLANS, { method: "POST", json });
    assert.equal(made.status, 201);
    assert.ok((await made.json()).url.startsWith(session.url));
    assert.equal((await plans()).length, known.length + 1);
    assert.equal((await session.undo()).undone, 1);
    assert.deepEqual(await plans(), known);
  });

  it("shows what the page does when the server fails", async () => {
    const operation = "marketplace_plans_list";
    await session.fail({ operation, times: 1, fault: { kind: "status", code: 503 } });
    assert.equal((await session.fetch(PLANS)).status, 503);
    assert.equal((await session.fetch(PLANS)).status, 200);
    const asked = await session.requests({ operation });
    assert.deepEqual(
      asked.map(({ status }) => status),
      [503, 200],
    );
  });

  it("lets time pass, and starts again", async () => {
    await session.setClock("2026-01-31T12:00:00Z");
    assert.equal((await session.advance("P1D")).now, "2026-02-01T12:00:00Z");
    const providers = "/api/marketplace-service-providers/";
    const first = async () => (await (await session.fetch(providers)).json())[0];
    const { url, description } = await first();
    await session.snapshot("before");
    const path = url.slice(session.url.length);
    await session.fetch(path, { method: "PATCH", json: { description: "Changed" } });
    assert.equal((await first()).description, "Changed");
    await session.restore("before");
    assert.equal((await first()).description, description);
    await session.reset({ scenario: "empty" });
    assert.equal(await first(), undefined);
  });
});

describe("at the same time", { concurrency: true }, () => {
  for (const scenario of ["default", "empty", "default", "empty"]) {
    it(`works in ${scenario}`, async () => {
      const session = await mock.session(undefined, { scenario, seed: 3 });
      try {
        const plans = await (await session.fetch(PLANS)).json();
        assert.equal(plans.length > 0, scenario === "default");
        assert.equal((await session.requests()).length, 1);
      } finally {
        await session.drop();
      }
    });
  }
});
