// What is wrong in a script whatever it does. The layout is prettier's, the types are TypeScript's.

import eslint from "@eslint/js";
import globals from "globals";
import typescript from "typescript-eslint";

export default typescript.config(
  {
    files: ["quizserver/static/js/**/*.js"],
    extends: [eslint.configs.recommended, typescript.configs.recommendedTypeChecked],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { project: ["./tsconfig.json"], tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "consistent-return": "error",
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-alert": "error",
      "no-console": "error",
      "no-else-return": "error",
      "no-eval": "error",
      "no-implicit-coercion": "error",
      "no-param-reassign": "error",
      "no-restricted-properties": ["error", { property: "outerHTML" }],
      "no-shadow": "error",
      "no-unneeded-ternary": "error",
      "no-useless-rename": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      // A rejected promise that nobody looks at is a failure that nobody sees.
      "@typescript-eslint/no-floating-promises": "error",
    },
  },
  {
    files: ["scripts/js/*.js"],
    extends: [eslint.configs.recommended],
  },
);
