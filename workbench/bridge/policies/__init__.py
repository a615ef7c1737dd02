"""Who acts on a real robot, without torch: what is small enough acts here, everything else behind a server."""
