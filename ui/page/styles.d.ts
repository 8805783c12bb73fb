/** esbuild puts style sheets into one file. */
declare module '*.css';
