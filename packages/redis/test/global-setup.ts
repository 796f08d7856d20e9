import { startSharedServers } from '@headgate/test-servers';

export default (): Promise<() => Promise<void>> => startSharedServers(['redis', 'redis-cluster', 'valkey']);
