export default { test: { include: ['vitest.smoke.mjs'], reporters: ['verbose'] } };
