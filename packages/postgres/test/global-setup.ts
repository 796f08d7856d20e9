import { startSharedServers } from '@headgate/test-servers';

export default (): Promise<unknown> => startSharedServers(['postgres']);
