import { optionsObject } from '@headgate/core';
import type { OptionNames } from '@headgate/core';

/**
 * Asserts that `createStore` made a fixture around a store, with no part that `known` does not name. Types say so too, to those who have types; without
 * this all properties would fail with a TypeError of the suite's own, or be left out because a hook is misspelt.
 */
export function checkFixture<Fixture extends { readonly store: { readonly name: string } }>(
  fixture: Fixture,
  known: OptionNames<Fixture>,
): void {
  const made: { readonly store?: { readonly name?: unknown }; readonly name?: unknown } | null | undefined = fixture;
  if (typeof made?.store?.name === 'string') {
    optionsObject('fixture', fixture, known);
    return;
  }
  const isStore = made && typeof made.name === 'string';
  throw new TypeError(
    `Expected createStore to return a fixture, \`{ store }\`, got ${isStore ? 'the store itself' : String(made && 'an object without a store')}`,
  );
}
