// The same instance as `require` gives.
import isolatedThreads from './index.js';

export const { Thread, ThreadPool, ThreadError, transfer } = isolatedThreads;
export default isolatedThreads;
