/**
 * Asserts that `createStore` made a fixture around a store. Types say so too, to those who have types; without this all properties would fail with
 * a TypeError of the suite's own.
 */
export function checkFixture(fixture: { readonly store?: { readonly name?: unknown } } | null | undefined): void {
  if (typeof fixture?.store?.name === 'string') return;
  const isStore = fixture && typeof (fixture as { readonly name?: unknown }).name === 'string';
  throw new TypeError(
    `Expected createStore to return a fixture, \`{ store }\`, got ${isStore ? 'the store itself' : String(fixture && 'an object without a store')}`,
  );
}
