# The image: a static program, git, a shell and CA certificates, run by nobody in particular.
#
#   make image
#
# ROOTFS is what scripts/image-rootfs.sh has made of the program, and of git, busybox and the certificates of the machine that
# builds: make image does both. BASE is what that is put on: nothing, or an image of your own with what else your runners need.
ARG BASE=scratch
FROM ${BASE}

ARG VERSION=dev
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="weighlock" \
      org.opencontainers.image.description="Previews and deploys Kubernetes projects: what is deployed is what was reviewed" \
      org.opencontainers.image.source="https://github.com/weighlock/weighlock" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

ARG ROOTFS=bin/rootfs
COPY ${ROOTFS}/ /

USER 65532:65532
ENV HOME=/home/weighlock
WORKDIR /home/weighlock
EXPOSE 8080 8081
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/usr/bin/weighlock", "health"]
ENTRYPOINT ["/usr/bin/weighlock"]
