"""What the renderer cannot vary from environment to environment, done to its images: lens, lighting, textures, sensor.

Pure torch, batched, on any device, and no simulator. `pipeline.ImagePipeline` is the way in.
"""
